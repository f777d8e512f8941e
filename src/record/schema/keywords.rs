//! Which members of a schema are keywords, and where inside of a schema the next schemas are.

use crate::record::value::{Object, Value};

/// Where a keyword keeps schemas.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One schema, or an array of them.
    Schema,
    /// An object of named schemas; values that are arrays (`dependencies`) are none.
    Named,
}

fn shape(keyword: &str) -> Option<Shape> {
    match keyword {
        "allOf"
        | "anyOf"
        | "oneOf"
        | "prefixItems"
        | "items"
        | "additionalItems"
        | "additionalProperties"
        | "contains"
        | "not"
        | "if"
        | "then"
        | "else"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => Some(Shape::Schema),
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" | "dependencies" => {
            Some(Shape::Named)
        }
        _ => None,
    }
}

/// Whether a member of a schema says which values are valid, or refers to something, or is referred to: everything
/// but annotations.
pub(in crate::record) fn is_keyword(name: &str) -> bool {
    let assertion = matches!(
        name,
        "type"
            | "enum"
            | "const"
            | "multipleOf"
            | "maximum"
            | "exclusiveMaximum"
            | "minimum"
            | "exclusiveMinimum"
            | "maxLength"
            | "minLength"
            | "pattern"
            | "format"
            | "maxItems"
            | "minItems"
            | "uniqueItems"
            | "maxContains"
            | "minContains"
            | "maxProperties"
            | "minProperties"
            | "required"
            | "dependentRequired"
            | "contentEncoding"
            | "contentMediaType"
    );
    assertion || shape(name).is_some() || name.starts_with('$')
}

/// Whether a member of a schema is one of JSON Schema's annotations.
pub(in crate::record) fn is_annotation(name: &str) -> bool {
    matches!(
        name,
        "title" | "description" | "default" | "examples" | "deprecated" | "readOnly" | "writeOnly" | "id" | "version"
    )
}

/// Calls `visit` with every schema object in a schema, itself first, and the JSON pointer to it. What stands where no
/// schema can be (a property called `pattern`, a value of `enum`) is not visited.
pub(in crate::record) fn visit<'a>(
    schema: &'a Value,
    pointer: &mut Vec<String>,
    visitor: &mut impl FnMut(&'a Object, &[String]),
) {
    let Value::Object(object) = schema else { return };
    visitor(object, pointer);
    for (keyword, value) in object.iter() {
        let Some(shape) = shape(keyword) else { continue };
        pointer.push(keyword.to_owned());
        match (shape, value) {
            (Shape::Schema, Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    pointer.push(index.to_string());
                    visit(schema, pointer, visitor);
                    pointer.pop();
                }
            }
            (Shape::Schema, schema) => visit(schema, pointer, visitor),
            (Shape::Named, Value::Object(schemas)) => {
                for (name, schema) in schemas.iter() {
                    pointer.push(name.to_owned());
                    visit(schema, pointer, visitor);
                    pointer.pop();
                }
            }
            (Shape::Named, _) => {}
        }
        pointer.pop();
    }
}

/// As [`visit`], to change the schemas.
pub(in crate::record) fn visit_mut(schema: &mut Object, visitor: &mut impl FnMut(&mut Object)) {
    visitor(schema);
    for (keyword, value) in schema.iter_mut() {
        match (shape(keyword), value) {
            (Some(Shape::Schema), Value::Array(schemas)) => {
                schemas.iter_mut().filter_map(Value::as_object_mut).for_each(|schema| visit_mut(schema, visitor));
            }
            (Some(Shape::Schema), Value::Object(schema)) => visit_mut(schema, visitor),
            (Some(Shape::Named), Value::Object(schemas)) => {
                let schemas = schemas.iter_mut().filter_map(|(_, schema)| schema.as_object_mut());
                schemas.for_each(|schema| visit_mut(schema, visitor));
            }
            _ => {}
        }
    }
}
