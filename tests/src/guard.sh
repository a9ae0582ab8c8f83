# Cleans up after a test, however the test ended. Lives as long as the pipe on its standard input
# is open. Each line names a container to remove; the directory is the first argument.
trap '' HUP INT TERM
containers=$(cat)
[ -z "$containers" ] || docker rm --force --volumes $containers
tries=0
while [ "$tries" -lt 100 ]; do
    # The first signal lets PostgreSQL give back its shared memory.
    [ "$tries" -lt 50 ] && signal=QUIT || signal=KILL
    found=
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd") in
        "$1" | "$1"/*)
            found=yes
            kill -s "$signal" "${process#/proc/}"
            ;;
        esac
    done
    [ -n "$found" ] || break
    tries=$((tries + 1))
    sleep 0.1
done
while read -r _ mounted _; do
    case $mounted in "$1"/*) umount "$mounted" ;; esac
done </proc/mounts
rm -rf "$1"
