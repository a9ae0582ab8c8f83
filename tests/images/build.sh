#!/bin/sh
# Makes the image boxoffice-test/postgres:15 from the PostgreSQL that is installed on this machine,
# so that the container tests need no registry. Usage: tests/images/build.sh [name:tag]
# Needs: root (owners inside the image), docker, the PostgreSQL server binaries.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
name=${1:-boxoffice-test/postgres:15}
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
home=${bin%/bin}
share=$("$bin/pg_config" --sharedir)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# Copies programs together with every shared library that the loader would give them.
copy_programs() {
    for program in "$@"; do
        echo "$program"
        ldd "$program" 2>/dev/null | grep -o '/[^ )]*' || true
    done | sort -u | while read -r file; do
        mkdir -p "$root$(dirname "$file")"
        cp -L "$file" "$root$file"
    done
}

mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root$home" "$root$(dirname "$share")" \
    "$root/usr/share" "$root/var/lib/postgresql/data"
chmod 1777 "$root/tmp"

shell=$(readlink -f /bin/sh)
copy_programs "$shell"
cp -L "$shell" "$root/bin/sh"
for tool in cat chmod mkdir rm sleep; do
    copy_programs "$(command -v "$tool")"
    cp -L "$(command -v "$tool")" "$root/bin/$tool"
done

# The just-in-time compiler brings 100 MB of LLVM and no test needs it.
cp -a "$home/bin" "$home/lib" "$root$home/"
rm -rf "$root$home/lib/bitcode" "$root$home/lib/"llvmjit*
cp -a "$share" "$root$(dirname "$share")/"
cp -a /usr/share/zoneinfo "$root/usr/share/"
copy_programs "$bin/postgres" "$bin/initdb" "$bin/psql" "$bin/pg_ctl" "$home"/lib/*.so

echo 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
echo 'postgres:x:999:999::/tmp:/bin/sh' >>"$root/etc/passwd"
echo 'postgres:x:999:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
cp "$here/postgres-entrypoint.sh" "$root/entrypoint.sh"
chmod 755 "$root/entrypoint.sh"
chown -R 999:999 "$root/var/lib/postgresql"
chmod 700 "$root/var/lib/postgresql/data"

tar -C "$root" -c . | docker import \
    -c 'USER postgres' -c "ENV PATH=$bin:/bin" -c 'EXPOSE 5432' \
    -c 'ENTRYPOINT ["/entrypoint.sh"]' -c 'CMD ["postgres"]' - "$name" >/dev/null
docker image ls "$name"
