//! The rules of the repository that no other tool checks. Each rule has a test of its own that
//! shows that it can fail.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it stands")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::MetadataCommand;

#[path = "tidy/defects.rs"]
mod defects;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/text.rs"]
mod text;
#[path = "tidy/workspace.rs"]
mod workspace;

use sources::SourceFile;

/// Kinds of files that people write.
const KINDS: &[&str] = &["css", "html", "js", "md", "rs", "sh", "sql", "toml", "yml"];
/// Folders that are not ours to judge.
const SKIPPED: &[&str] = &[".git", "data", "node_modules", "target"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file that people write, with its path from the root.
fn files() -> Vec<SourceFile> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    let test_folders: BTreeSet<String> = files.iter().flat_map(test_only_paths).collect();
    for file in &mut files {
        let module = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let inside =
            |folder: &String| module == folder || module.starts_with(&format!("{folder}/"));
        file.test_only = file.path.contains("/tests/") || test_folders.iter().any(inside);
    }
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !SKIPPED.contains(&&*name) {
                collect(&entry.path(), &format!("{path}/"), files);
            }
        } else if Path::new(&name)
            .extension()
            .is_none_or(|kind| KINDS.contains(&kind.to_str().unwrap()))
            && let Ok(text) = std::fs::read_to_string(entry.path())
        {
            files.push(SourceFile { path, text, test_only: false });
        }
    }
}

/// Where the files of a file's test-only modules are, without their ending.
fn test_only_paths(file: &SourceFile) -> Vec<String> {
    let module = file.path.trim_end_matches(".rs");
    let folder = module.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_root = ["/mod", "/lib", "/main"].iter().any(|end| module.ends_with(end));
    let below = if is_root { folder } else { module };
    text::test_modules(&file.text).into_iter().map(|name| format!("{below}/{name}")).collect()
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_file_keeps_the_rules() {
    let files = files();
    assert!(files.iter().any(|file| file.path == "topics/src/lib.rs"), "files are not found");
    let findings: Vec<String> = files.iter().flat_map(sources::check).collect();
    assert_none(&findings);
}

#[test]
fn packages_are_named_after_their_folders_and_import_only_what_they_may() {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec().unwrap();
    let packages = metadata.workspace_packages();
    assert!(packages.len() >= 8, "packages are not found");
    let mut findings = Vec::new();
    for package in packages {
        let folder = package.manifest_path.parent().unwrap();
        let folder = folder.strip_prefix(root().to_str().unwrap()).unwrap().as_str();
        let expected = workspace::package_name(folder);
        if *package.name != expected {
            findings.push(format!("{folder}: name the package {expected}"));
        }
        let imports = workspace::imports(package);
        findings.extend(imports.iter().filter_map(|import| workspace::check_import(import).err()));
    }
    assert_none(&findings);
}

#[test]
fn every_dependency_says_why_and_is_used() {
    let manifest = read("Cargo.toml");
    let members: Vec<String> = files()
        .into_iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"))
        .map(|file| file.text)
        .collect();
    let mut findings = Vec::new();
    for name in workspace::uncommented_dependencies(&manifest) {
        findings.push(format!("Cargo.toml: {name}: say above it what earns it its place"));
    }
    for name in workspace::unused_dependencies(&manifest, &members) {
        findings.push(format!("Cargo.toml: {name}: no package uses it"));
    }
    assert_none(&findings);
}

#[test]
fn the_readme_names_the_test_command() {
    assert!(read("README.md").contains("tests/run"));
}

#[test]
fn continuous_integration_runs_the_test_command_and_nothing_else() {
    let text = read(".ci/run");
    let last = text.lines().next_back().unwrap();
    assert_eq!(last, "exec tests/run");
    assert!(read(".github/workflows/ci.yml").contains("run: .ci/run"));
}

#[test]
fn every_listed_defect_has_a_test() {
    let files = files();
    let sources = files.iter().filter(|file| file.path.ends_with(".rs"));
    let tests = sources.flat_map(|file| defects::tests_of(&file.text)).collect();
    let document = read("docs/DEFECTS.md");
    let rows = defects::rows(&document);
    assert!(rows.len() >= 50, "the rows are not found");
    assert_none(&defects::check(&rows, &tests));
}

#[test]
fn modules_of_tests_alone_are_found_in_files_of_their_own() {
    let parent = |path: &str| SourceFile {
        path: path.to_owned(),
        text: "#[cfg(test)]\nmod tables;\n".to_owned(),
        test_only: false,
    };
    assert_eq!(test_only_paths(&parent("core/src/lib.rs")), ["core/src/tables"]);
    assert_eq!(test_only_paths(&parent("core/src/hold.rs")), ["core/src/hold/tables"]);
    assert_eq!(test_only_paths(&parent("core/src/hold/mod.rs")), ["core/src/hold/tables"]);
}
