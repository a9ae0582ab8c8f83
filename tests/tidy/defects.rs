//! The list of defects in `docs/DEFECTS.md`: each row ends with the names of tests, and each of these
//! tests exists. It must not know what they test.

use std::collections::BTreeSet;

use crate::text::code_of;

/// The rows of the tables, without their heads.
pub(crate) fn rows(document: &str) -> Vec<&str> {
    let is_rule = |line: &str| line.starts_with('|') && line.chars().all(|c| "|- ".contains(c));
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in document.lines() {
        if is_inside && line.starts_with('|') {
            rows.push(line);
        }
        is_inside = is_rule(line) || (is_inside && line.starts_with('|'));
    }
    rows
}

/// What is wrong with the rows, when only these tests exist.
pub(crate) fn check(rows: &[&str], tests: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for row in rows {
        let defect: String = row.trim_matches(['|', ' ']).chars().take(40).collect();
        let named = named_tests(row);
        if named.is_empty() {
            findings.push(format!("docs/DEFECTS.md: `{defect}`: name a test in the last column"));
        }
        let missing = named.into_iter().filter(|name| !tests.contains(*name));
        findings.extend(missing.map(|name| format!("docs/DEFECTS.md: no test is called `{name}`")));
    }
    findings
}

/// Names between backticks in the last cell.
fn named_tests(row: &str) -> Vec<&str> {
    let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
    cell.split('`').skip(1).step_by(2).collect()
}

/// Names of the functions of a file that are run as tests.
pub(crate) fn tests_of(source: &str) -> Vec<String> {
    let code = code_of(source);
    let mut names = Vec::new();
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            names.push(rest.chars().take_while(|c| is_name(*c)).collect());
            is_test = false;
        } else if !line.is_empty() && !line.starts_with("#[") {
            is_test = false;
        }
    }
    names
}

#[test]
fn a_defect_without_a_test_that_exists_is_found() {
    let source = "#[test]\n/// Why.\nfn one() {}\n#[tokio::test(flavor = \"x\")]\nasync fn two() {}\n\
                  fn three() {}\n// #[test]\nfn four() {}";
    let tests: BTreeSet<String> = tests_of(source).into_iter().collect();
    assert_eq!(tests, ["one", "two"].map(str::to_owned).into());
    let document = "| Defect | Instead | Tests |\n|---|---|---|\n| a | b | `one`, `two` |\n\
                    | c | `x` | none |\n| d | e | `three` |\n\n| not | a row |\n";
    let rows = rows(document);
    assert_eq!(rows.len(), 3);
    let findings = check(&rows, &tests);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings[0].contains("name a test") && findings[1].contains("`three`"));
}
