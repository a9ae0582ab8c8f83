//! Rules about the text of files. Each takes a file and returns what is wrong with it.

use crate::text::{before_tests, code_of, functions, has_word};

/// Lines of a function: what fits on a screen.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a file without its tests.
const FILE_LINES_MAX: usize = 500;

/// Functions that are longer than they should be, as `path name`. The list only gets shorter.
const LONG_FUNCTIONS: &[&str] = &[];

/// What would make a decision depend on something that is not in the log, and why.
const IMPURE: &[(&str, &str)] = &[
    ("SystemTime", "time is the stamp of the record"),
    ("Instant", "time is the stamp of the record"),
    ("HashMap", "its order differs from process to process"),
    ("HashSet", "its order differs from process to process"),
    ("f32", "floats round differently"),
    ("f64", "floats round differently"),
    ("thread_rng", "randomness comes from a record"),
    ("std::env", "whatever changes a decision is a record"),
];

/// One file of the repository.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// From the root of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Compiled only for tests.
    pub(crate) test_only: bool,
}

impl SourceFile {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Part of the vocabulary or of the decision logic.
    fn is_pure(&self) -> bool {
        let folders = ["topics/src/", "processors/core/src/"];
        !self.test_only && folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

/// Every rule about one file.
pub(crate) fn check(file: &SourceFile) -> Vec<String> {
    let findings = [
        module_documentation(file),
        function_length(file),
        file_length(file),
        impure_words(file),
        stray_metrics(file),
        leftover_markers(file),
        machine_paths(file),
    ];
    findings.into_iter().flatten().map(|finding| format!("{}: {finding}", file.path)).collect()
}

fn module_documentation(file: &SourceFile) -> Vec<String> {
    let documented = file.text.starts_with("//! ");
    let findings = (file.is_rust() && !documented)
        .then(|| "begin with `//!`: what the file owns, and what it must not know".to_owned());
    findings.into_iter().collect()
}

fn function_length(file: &SourceFile) -> Vec<String> {
    // The length of a test is that of its table.
    if !file.is_rust() || file.test_only {
        return Vec::new();
    }
    let long = functions(&code_of(before_tests(&file.text))).into_iter().filter(|function| {
        let listed = LONG_FUNCTIONS.contains(&&*format!("{} {}", file.path, function.name));
        function.lines > FUNCTION_LINES_MAX && !listed
    });
    long.map(|function| {
        let (name, lines) = (function.name, function.lines);
        format!("`{name}` has {lines} lines, more than {FUNCTION_LINES_MAX}: take it apart")
    })
    .collect()
}

fn file_length(file: &SourceFile) -> Vec<String> {
    let lines = before_tests(&file.text).lines().count();
    let long = file.is_rust() && !file.test_only && lines > FILE_LINES_MAX;
    let finding = long.then(|| format!("{lines} lines, more than {FILE_LINES_MAX}: split it"));
    finding.into_iter().collect()
}

fn impure_words(file: &SourceFile) -> Vec<String> {
    if !file.is_pure() {
        return Vec::new();
    }
    let code = code_of(before_tests(&file.text));
    let found = IMPURE.iter().filter(|(word, _)| has_word(&code, word));
    found.map(|(word, reason)| format!("`{word}` has no place here: {reason}")).collect()
}

/// One file per crate has every metric, so that a name is found where it is made.
fn stray_metrics(file: &SourceFile) -> Vec<String> {
    let elsewhere = !file.path.ends_with("metric_definitions.rs");
    let code = if file.is_rust() && elsewhere { code_of(&file.text) } else { String::new() };
    let macros = ["counter!", "gauge!", "histogram!"];
    let found = macros.iter().filter(|name| code.contains(*name));
    found.map(|name| format!("`{name}`: metrics are defined in metric_definitions.rs")).collect()
}

/// The markers are put together here so that this file does not carry them itself.
fn leftover_markers(file: &SourceFile) -> Vec<String> {
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("HA", "CK")];
    let found = markers.iter().filter(|marker| has_word(&file.text, marker));
    found.map(|marker| format!("`{marker}`: do it now, or write it down where plans are")).collect()
}

fn machine_paths(file: &SourceFile) -> Vec<String> {
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let temporary = concat!("/t", "mp/");
    // Inside an image the path is the image's own.
    let everywhere = !file.path.starts_with("tests/images/");
    let found = folders.iter().chain(everywhere.then_some(&temporary));
    let found = found.filter(|folder| {
        file.text.match_indices(**folder).any(|(start, _)| {
            let before = file.text[..start].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-}$".contains(c))
        })
    });
    found.map(|folder| format!("`{folder}`: a path of one machine")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned(), test_only: false }
    }

    #[test]
    fn a_file_without_a_purpose_is_found() {
        assert_eq!(module_documentation(&file("a.rs", "use std::fmt;\n")).len(), 1);
        assert!(module_documentation(&file("a.rs", "//! Owns a.\n")).is_empty());
    }

    #[test]
    fn a_long_function_is_found_and_a_long_literal_is_not() {
        let long = |line: &str| format!("fn a() {{\n{}}}\n", line.repeat(FUNCTION_LINES_MAX));
        assert_eq!(function_length(&file("a.rs", &long("b();\n"))).len(), 1);
        assert!(function_length(&file("a.rs", "fn a() {}\n// fn b() {\n")).is_empty());
        let tested = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", long("b();\n"));
        assert!(function_length(&file("a.rs", &tested)).is_empty());
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let lines = "a();\n".repeat(FILE_LINES_MAX);
        assert_eq!(file_length(&file("a.rs", &format!("{lines}b();\n"))).len(), 1);
        let tested = format!("{lines}#[cfg(test)]\nmod tests {{\n{lines}}}\n");
        assert!(file_length(&file("a.rs", &tested)).is_empty());
    }

    #[test]
    fn an_impure_word_is_found_only_in_pure_crates_and_only_in_code() {
        for (word, _) in IMPURE {
            let text = format!("use a::{word};\n");
            assert_eq!(impure_words(&file("topics/src/a.rs", &text)).len(), 1, "{word}");
            assert_eq!(impure_words(&file("processors/core/src/a.rs", &text)).len(), 1, "{word}");
            assert!(impure_words(&file("topics/log/src/a.rs", &text)).is_empty(), "{word}");
            assert!(impure_words(&file("topics/src/a.rs", &format!("// {word}\n"))).is_empty());
        }
    }

    #[test]
    fn a_metric_outside_of_the_definitions_is_found() {
        let text = "fn a() { counter!(NAME).increment(1); }\n";
        assert_eq!(stray_metrics(&file("log/src/a.rs", text)).len(), 1);
        assert!(stray_metrics(&file("log/src/metric_definitions.rs", text)).is_empty());
    }

    #[test]
    fn a_leftover_marker_is_found_in_any_file() {
        let text = concat!("# TO", "DO: later\n");
        assert_eq!(leftover_markers(&file("a.sh", text)).len(), 1);
        assert!(leftover_markers(&file("a.sh", "# to do\n")).is_empty());
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        assert_eq!(machine_paths(&file("a.md", concat!("see /ro", "ot/notes"))).len(), 1);
        assert_eq!(machine_paths(&file("a.md", concat!("see /t", "mp/notes"))).len(), 1);
        assert!(machine_paths(&file("tests/images/a.sh", concat!("/t", "mp/a"))).is_empty());
        assert!(machine_paths(&file("a.md", concat!("the net/wo", "rk/folder"))).is_empty());
    }
}
