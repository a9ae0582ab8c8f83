//! Rules about packages: their names, who may import whom, and what earns a dependency its place.

use cargo_metadata::{DependencyKind, Package};

/// Which of our packages each one may import.
const EDGES: &[(&str, &[&str])] = &[
    ("boxoffice-topics", &[]),
    ("boxoffice-log", &["boxoffice-topics"]),
    ("boxoffice-core", &["boxoffice-topics"]),
    ("boxoffice-processors", &["boxoffice-core", "boxoffice-log", "boxoffice-topics"]),
    ("boxoffice-ingest", &["boxoffice-log", "boxoffice-topics"]),
    ("boxoffice-sinks", &["boxoffice-log", "boxoffice-topics"]),
    ("boxoffice-api", EVERYTHING),
    ("boxoffice-tests", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "boxoffice-api",
    "boxoffice-core",
    "boxoffice-ingest",
    "boxoffice-log",
    "boxoffice-processors",
    "boxoffice-sinks",
    "boxoffice-topics",
];

/// The tests of any package may start the servers that this one knows.
const TESTS: &str = "boxoffice-tests";

/// Packages whose code is pure: no runtime, no clock, no randomness, no network, no disk.
const PURE: &[&str] = &["boxoffice-topics", "boxoffice-core"];
const IMPURE_DEPENDENCIES: &[&str] = &[
    "axum",
    "chrono",
    "getrandom",
    "hyper",
    "jiff",
    "metrics",
    "rand",
    "reqwest",
    "rustix",
    "sqlx",
    "tempfile",
    "tokio",
    "tracing",
];

/// One import, as the manifest says it.
#[derive(Debug)]
pub(crate) struct Import<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) for_tests: bool,
}

/// What a package of this folder is called: after its last part.
pub(crate) fn package_name(folder: &str) -> String {
    format!("boxoffice-{}", folder.rsplit('/').next().unwrap_or(folder))
}

/// Every import of one package.
pub(crate) fn imports(package: &Package) -> Vec<Import<'_>> {
    let dependencies = package.dependencies.iter();
    dependencies
        .map(|dependency| Import {
            from: &package.name,
            to: &dependency.name,
            for_tests: dependency.kind == DependencyKind::Development,
        })
        .collect()
}

/// Whether an import is in the table.
pub(crate) fn check_import(import: &Import<'_>) -> Result<(), String> {
    let Import { from, to, for_tests } = *import;
    let wrong = |reason: &str| Err(format!("{from} imports {to}: {reason}"));
    let Some((_, allowed)) = EDGES.iter().find(|(package, _)| *package == from) else {
        return wrong("the package is not in the table of edges");
    };
    if !to.starts_with("boxoffice-") {
        let impure = PURE.contains(&from) && !for_tests && IMPURE_DEPENDENCIES.contains(&to);
        return if impure { wrong("the package is pure") } else { Ok(()) };
    }
    if allowed.contains(&to) || (for_tests && to == TESTS) {
        Ok(())
    } else {
        wrong("the edge is not in the table")
    }
}

/// Names of the workspace's dependencies that have no comment line above them. Our own packages
/// need none.
pub(crate) fn uncommented_dependencies(manifest: &str) -> Vec<&str> {
    let mut missing = Vec::new();
    let mut above = "";
    for line in dependency_section(manifest) {
        let name = dependency_name(line).filter(|name| !name.starts_with("boxoffice-"));
        missing.extend(name.filter(|_| !above.starts_with("# ")));
        above = line;
    }
    missing
}

/// Names of the workspace's dependencies that no member uses. Our own packages need no user.
pub(crate) fn unused_dependencies<'a>(manifest: &'a str, members: &[String]) -> Vec<&'a str> {
    let used = |name: &str| {
        let forms = [format!("{name}.workspace = true"), format!("{name} = {{ workspace = true")];
        members
            .iter()
            .flat_map(|member| member.lines())
            .any(|line| forms.iter().any(|form| line.starts_with(form.as_str())))
    };
    let names = dependency_section(manifest).filter_map(dependency_name);
    names.filter(|name| !name.starts_with("boxoffice-") && !used(name)).collect()
}

fn dependency_section(manifest: &str) -> impl Iterator<Item = &str> {
    let section = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    section.take_while(|line| !line.starts_with('['))
}

fn dependency_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim();
    (!name.is_empty() && !name.starts_with('#')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str, for_tests: bool) -> Result<(), String> {
        check_import(&Import { from, to, for_tests })
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        assert!(check("boxoffice-log", "boxoffice-topics", false).is_ok());
        assert!(check("boxoffice-topics", "boxoffice-log", false).is_err());
        assert!(check("boxoffice-sinks", "boxoffice-core", false).is_err());
        assert!(check("boxoffice-sinks", "boxoffice-core", true).is_err());
        assert!(check("boxoffice-api", "boxoffice-sinks", false).is_ok());
        assert!(check("boxoffice-new", "boxoffice-topics", false).is_err());
    }

    #[test]
    fn only_tests_may_import_the_tests() {
        assert!(check("boxoffice-sinks", "boxoffice-tests", true).is_ok());
        assert!(check("boxoffice-sinks", "boxoffice-tests", false).is_err());
    }

    #[test]
    fn a_pure_package_with_a_runtime_is_found() {
        assert!(check("boxoffice-topics", "rand", false).is_err());
        assert!(check("boxoffice-core", "tokio", false).is_err());
        assert!(check("boxoffice-core", "arrayvec", false).is_ok());
        assert!(check("boxoffice-log", "tokio", false).is_ok());
    }

    #[test]
    fn a_package_is_named_after_its_folder() {
        assert_eq!(package_name("processors/core"), "boxoffice-core");
        assert_eq!(package_name("api"), "boxoffice-api");
    }

    #[test]
    fn a_dependency_without_a_reason_or_a_user_is_found() {
        let manifest =
            "[workspace.dependencies]\n# Why a.\na = \"1\"\nb = \"1\"\n\n[profile]\nc = 1\n";
        assert_eq!(uncommented_dependencies(manifest), ["b"]);
        let member = "[dependencies]\nb.workspace = true\n".to_owned();
        assert_eq!(unused_dependencies(manifest, &[member]), ["a"]);
        let optional = "a = { workspace = true, optional = true }".to_owned();
        assert_eq!(unused_dependencies(manifest, &[optional]), ["b"]);
    }
}
