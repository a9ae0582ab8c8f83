//! Reads Rust just well enough for the rules: without comments and literals, without tests, and
//! function by function. It must not judge.

/// The source with every comment and every literal blanked; lines and columns stay.
pub(crate) fn code_of(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let length = blank_length(bytes, at);
        for &byte in &bytes[at..at + length.max(1)] {
            code.push(if length > 0 && byte != b'\n' { b' ' } else { byte });
        }
        at += length.max(1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Bytes of the comment or literal that starts here; zero when none does.
fn blank_length(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let inside_word = at > 0 && is_word(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment_length(rest),
        [b'"', ..] => quoted_length(rest, b'"'),
        [b'r', b'"' | b'#', ..] | [b'b', b'r', ..] if !inside_word => raw_string_length(rest),
        // A lifetime has no closing quote near by.
        [b'\'', b'\\', ..] => quoted_length(rest, b'\''),
        [b'\'', _, b'\'', ..] => 3,
        _ => 0,
    }
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn raw_string_length(rest: &[u8]) -> usize {
    let start = if rest[0] == b'b' { 2 } else { 1 };
    let hashes = rest[start..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(start + hashes) != Some(&b'"') {
        return 0;
    }
    let closing = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let body = &rest[start + hashes + 1..];
    let end = body.windows(closing.len()).position(|window| window == closing);
    end.map_or(rest.len(), |end| start + hashes + 1 + end + closing.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Everything before the file's own test module.
pub(crate) fn before_tests(source: &str) -> &str {
    let mut start = 0;
    for line in source.split_inclusive('\n') {
        let after = &source[start + line.len()..];
        let declared = after.trim_start().lines().next().unwrap_or_default();
        let module = has_word(declared, "mod") && declared.trim_end().ends_with('{');
        if line.trim() == "#[cfg(test)]" && module {
            return &source[..start];
        }
        start += line.len();
    }
    source
}

/// Names of the test-only modules that live in files of their own.
pub(crate) fn test_modules(source: &str) -> Vec<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declared = |pair: &[&str]| {
        let name = pair[1].strip_prefix("mod ")?.strip_suffix(';')?;
        (pair[0] == "#[cfg(test)]").then(|| name.to_owned())
    };
    lines.windows(2).filter_map(declared).collect()
}

/// Whether the word stands in the code, not as a part of a longer one. A path counts as a word.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].bytes().next_back();
        let after = code[start + word.len()..].bytes().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// One function: its name, and how many lines it has from `fn` to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) lines: usize,
}

/// Every function that has a body.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let starts = code
        .match_indices("fn ")
        .filter(|(start, _)| !code[..*start].bytes().next_back().is_some_and(is_word));
    starts.filter_map(|(start, _)| function_at(&code[start..])).collect()
}

fn function_at(code: &str) -> Option<Function> {
    let name: String =
        code[3..].trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.is_empty() {
        return None;
    }
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            // The end of the brackets that a function pointer type stands in.
            b')' | b']' if brackets == 0 => return None,
            b')' | b']' => brackets -= 1,
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' if braces <= 1 => {
                let lines = code[..at].matches('\n').count() + 1;
                return (braces == 1).then_some(Function { name, lines });
            }
            b'}' => braces -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let source = "a /* b /* c */ d */ e // f\n\"g \\\" h\" r#\"i \" j\"# 'k' '\\'' l<'m> n";
        let words: Vec<String> = code_of(source).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["a", "e", "l<'m>", "n"]);
        assert_eq!(code_of(source).matches('\n').count(), 1);
    }

    #[test]
    fn functions_are_measured_from_fn_to_the_closing_brace() {
        let code = "fn a() {}\nfn b(c: [u8; 3])\nwhere\n{\n if x {\n }\n}\nfn d();\nlet e: fn (f);";
        let function = |name: &str, lines| Function { name: name.to_owned(), lines };
        assert_eq!(functions(code), [function("a", 1), function("b", 6)]);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("use std::env;", "std::env"));
        assert!(has_word("x as f64", "f64"));
        assert!(!has_word("MyHashMap HashMaps", "HashMap"));
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let kept = "fn a() {}\n#[cfg(test)]\nmod tables;\n";
        for own in ["mod tests {", "pub(super) mod tests {"] {
            let source = format!("{kept}#[cfg(test)]\n{own}\n}}\n");
            assert_eq!(before_tests(&source), kept);
            assert_eq!(test_modules(&source), ["tables"]);
        }
    }
}
