//! The OpenAPI document is one that tools can read, and texts that people can.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use boxoffice_api::http::router::document;
use serde_json::Value;

/// Every operation with the name that a failure shows.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((format!("{method} {path}"), operation.clone()));
        }
    }
    operations
}

/// Every value of the document under a key, wherever it is.
fn walk(value: &Value, found: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                found(key, value);
                walk(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        _ => (),
    }
}

fn rendered() -> Value {
    serde_json::to_value(document()).unwrap()
}

#[test]
fn every_response_has_a_description() {
    let document = rendered();
    let mut without = Vec::new();
    for (name, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            if !described && response.get("$ref").is_none() {
                without.push(format!("{name} {status}"));
            }
        }
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        assert!(response["description"].is_string(), "{name}");
    }
    assert!(without.is_empty(), "{without:#?}");
}

#[test]
fn every_reference_is_to_something() {
    let document = rendered();
    let mut references = BTreeSet::new();
    walk(&document, &mut |key, value| {
        if key == "$ref" {
            references.insert(value.as_str().unwrap().to_owned());
        }
    });
    assert!(references.len() > 10, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_the_parameters_of_its_path() {
    let document = rendered();
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(id), "{name}");
        let in_path = name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let declared: BTreeSet<_> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(declared, in_path.collect(), "{name}");
    }
}

#[test]
fn no_text_has_the_links_of_another_document() {
    walk(&rendered(), &mut |key, value| {
        if let (true, Some(text)) = (matches!(key, "description" | "summary"), value.as_str()) {
            assert!(!text.contains("[`") && !text.contains("::"), "{text}");
        }
    });
}
