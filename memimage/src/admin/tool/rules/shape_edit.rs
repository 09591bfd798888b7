//! Edits the shape of an event, and derives from it how its values are edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::empty::empty;
use super::place::is_recursive;
use super::rule::Rule;
use super::value_edit::{FieldEdit, ValueEdit};
use crate::shape::ShapeTree;
use crate::shape::node::{Node, NodeField, NodeFields, NodeVariant};
use crate::value::Value;

/// The changes in a part of an event.
pub(super) struct PartEdits<'a> {
    /// The first rule that leads here, for messages.
    rule: &'a Rule,
    /// The new name.
    renamed: Option<&'a str>,
    is_dropped: bool,
    redaction: Option<Redaction<'a>>,
    /// The fields that are added.
    added: Vec<AddedField<'a>>,
    /// The changes in the parts of this part, by the steps of their paths.
    parts: BTreeMap<&'a str, PartEdits<'a>>,
}

#[derive(Clone, Copy)]
struct Redaction<'a> {
    rule: &'a Rule,
    json: Option<&'a str>,
}

struct AddedField<'a> {
    rule: &'a Rule,
    name: &'a str,
    shape: Node,
    value: Value,
}

impl<'a> PartEdits<'a> {
    pub(super) fn new(rule: &'a Rule) -> PartEdits<'a> {
        let (added, parts) = (Vec::new(), BTreeMap::new());
        PartEdits { rule, renamed: None, is_dropped: false, redaction: None, added, parts }
    }

    /// The changes in the part to which a path leads.
    fn at(&mut self, path: &'a [String], rule: &'a Rule) -> &mut PartEdits<'a> {
        match path {
            [] => self,
            [step, rest @ ..] => self.parts.entry(step).or_insert_with(|| PartEdits::new(rule)).at(rest, rule),
        }
    }

    pub(super) fn rename(&mut self, path: &'a [String], rule: &'a Rule, name: &'a str) {
        self.at(path, rule).renamed = Some(name);
    }

    pub(super) fn drop_field(&mut self, path: &'a [String], rule: &'a Rule) {
        self.at(path, rule).is_dropped = true;
    }

    /// Replaces a value by this JSON, or by an empty value.
    pub(super) fn redact(&mut self, path: &'a [String], rule: &'a Rule, json: Option<&'a str>) {
        self.at(path, rule).redaction = Some(Redaction { rule, json });
    }

    /// Adds a field with this shape to the record that contains it.
    ///
    /// # Errors
    ///
    /// Returns the message if the JSON is no value of the shape.
    pub(super) fn add(&mut self, path: &'a [String], rule: &'a Rule, shape: Node, json: &str) -> Result<(), String> {
        let Some((name, record)) = path.split_last() else { return Err(fault(rule, "it names no field")) };
        let value = value_of(rule, &shape, json)?;
        self.at(record, rule).added.push(AddedField { rule, name, shape, value });
        Ok(())
    }

    /// Whether the part itself is changed, and not only its parts.
    fn changes_itself(&self) -> bool {
        self.renamed.is_some() || self.is_dropped || self.redaction.is_some()
    }

    fn fault(&self, what: &str) -> String {
        fault(self.rule, what)
    }
}

fn fault(rule: &Rule, what: &str) -> String {
    format!("`{rule}`: {what}")
}

/// The value of this shape that a rule writes as JSON.
fn value_of(rule: &Rule, shape: &Node, json: &str) -> Result<Value, String> {
    let tree =
        ShapeTree::from_node(shape).map_err(|error| fault(rule, &format!("its type cannot be used: {error}")))?;
    Value::from_json(&tree, json).map_err(|error| fault(rule, &format!("the value is no {tree}: {error}")))
}

/// The edited shape of an event, and the edit of its values. The paths of the edits must exist in the shape.
///
/// # Errors
///
/// Returns the message if the shape cannot be edited so.
pub(super) fn edited(root: &Node, edits: &PartEdits<'_>) -> Result<(Node, ValueEdit), String> {
    match within(root, edits)? {
        // a command without arguments has a struct without fields
        (Node::Struct(NodeFields::Named(fields)), _) if fields.is_empty() => {
            Ok((Node::Struct(NodeFields::Unit), ValueEdit::Replace(Value::Unit)))
        }
        edited => Ok(edited),
    }
}

/// Edits a part, and its values, as far as their own parts change.
fn within(node: &Node, edits: &PartEdits<'_>) -> Result<(Node, ValueEdit), String> {
    let each = |item: &Node| within(item, edits).map(|(item, edit)| (Box::new(item), ValueEdit::Each(Box::new(edit))));
    let of_entry = |entry: &(Node, Node)| -> Result<_, String> {
        let (value, edit) = within(&entry.1, edits)?;
        Ok((Box::new((entry.0.clone(), value)), ValueEdit::EachEntry(Box::new(edit))))
    };
    if is_recursive(node) {
        return Err(
            edits.fault("the field lies in a type that contains itself; help: rewrite the image with its program")
        );
    }
    Ok(match node {
        Node::Option(item) => each(item).map(|(item, edit)| (Node::Option(item), edit))?,
        Node::List(item) => each(item).map(|(item, edit)| (Node::List(item), edit))?,
        Node::Array(item, length) => each(item).map(|(item, edit)| (Node::Array(item, *length), edit))?,
        Node::Map(entry) => of_entry(entry).map(|(entry, edit)| (Node::Map(entry), edit))?,
        Node::OrderedMap(entry) => of_entry(entry).map(|(entry, edit)| (Node::OrderedMap(entry), edit))?,
        Node::Struct(fields) => within_fields(fields, edits).map(|(fields, edit)| (Node::Struct(fields), edit))?,
        Node::Tuple(items) => positions(items, edits).map(|(items, edit)| (Node::Tuple(items), edit))?,
        Node::Enum(variants) => {
            let (variants, edit) = within_variants(variants, edits)?;
            (Node::Enum(variants), edit)
        }
        Node::Set(_) | Node::OrderedSet(_) | Node::Multiset(_) => {
            let what =
                "the field lies in a set, whose items could become equal; help: rewrite the image with its program";
            return Err(edits.fault(what));
        }
        Node::Back(_) | Node::Primitive(_) | Node::Opaque(_) | Node::Unordered(_) => {
            return Err(edits.fault("the value has no fields"));
        }
    })
}

fn within_fields(fields: &NodeFields, edits: &PartEdits<'_>) -> Result<(NodeFields, ValueEdit), String> {
    Ok(match fields {
        NodeFields::Unit => named(&[], edits)?,
        NodeFields::Newtype(item) => {
            within(item, edits).map(|(item, edit)| (NodeFields::Newtype(Box::new(item)), edit))?
        }
        NodeFields::Tuple(items) => positions(items, edits).map(|(items, edit)| (NodeFields::Tuple(items), edit))?,
        NodeFields::Named(fields) => named(fields, edits)?,
    })
}

fn named(fields: &[NodeField], edits: &PartEdits<'_>) -> Result<(NodeFields, ValueEdit), String> {
    let (mut new, mut changed): (Vec<NodeField>, _) = (Vec::new(), Vec::new());
    for field in fields {
        let Some(edit) = edits.parts.get(&*field.name) else {
            new.push(field.clone());
            continue;
        };
        if edit.is_dropped {
            changed.push((field.name.clone(), FieldEdit::Drop));
            continue;
        }
        let (shape, value) = part(&field.shape, edit)?;
        let name: Option<Arc<str>> = edit.renamed.map(Arc::from);
        new.push(NodeField { name: name.clone().unwrap_or_else(|| field.name.clone()), shape });
        changed.push((field.name.clone(), FieldEdit::Change { name, value }));
    }
    let mut added = Vec::new();
    for AddedField { name, shape, value, .. } in &edits.added {
        let name: Arc<str> = Arc::from(*name);
        new.push(NodeField { name: name.clone(), shape: shape.clone() });
        added.push((name, value.clone()));
    }
    let is_twice = |at: usize| new[..at].iter().any(|earlier| earlier.name == new[at].name);
    if let Some(at) = (0..new.len()).find(|&at| is_twice(at)) {
        let rule = edits.added.first().map_or(edits.rule, |added| added.rule);
        return Err(fault(rule, &format!("the record would have two fields `{}`", new[at].name)));
    }
    Ok((NodeFields::Named(new), ValueEdit::Fields { changed, added }))
}

/// Edits the shape and the values of a field that stays.
fn part(node: &Node, edits: &PartEdits<'_>) -> Result<(Node, ValueEdit), String> {
    let Some(Redaction { rule, json }) = edits.redaction else {
        return match edits.parts.is_empty() && edits.added.is_empty() {
            true => Ok((node.clone(), ValueEdit::Keep)),
            false => within(node, edits),
        };
    };
    let value = match json {
        Some(json) => value_of(rule, node, json)?,
        None => empty(node).ok_or_else(|| {
            fault(rule, &format!("{node} has no empty value; help: give a value, as in `--redact {}=JSON`", rule.text))
        })?,
    };
    Ok((node.clone(), ValueEdit::Replace(value)))
}

fn positions(items: &[Node], edits: &PartEdits<'_>) -> Result<(Vec<Node>, ValueEdit), String> {
    let (mut new, mut changed) = (items.to_vec(), Vec::new());
    for (step, edit) in &edits.parts {
        let at: usize = step.parse().map_err(|_| edit.fault("the value has no fields with names"))?;
        if edit.is_dropped || edit.renamed.is_some() {
            return Err(edit.fault("a field without a name can be redacted, but neither renamed nor dropped"));
        }
        let (shape, value) = part(&items[at], edit)?;
        new[at] = shape;
        changed.push((at, value));
    }
    Ok((new, ValueEdit::Positions(changed)))
}

fn within_variants(variants: &[NodeVariant], edits: &PartEdits<'_>) -> Result<(Vec<NodeVariant>, ValueEdit), String> {
    let (mut new, mut changed) = (variants.to_vec(), Vec::new());
    for variant in &mut new {
        let Some(edit) = edits.parts.get(&*variant.name) else { continue };
        if edit.changes_itself() {
            return Err(edit.fault("it names a variant; help: name a field of the variant"));
        }
        let (fields, value) = within_fields(&variant.fields, edit)?;
        variant.fields = fields;
        changed.push((variant.name.clone(), value));
    }
    Ok((new, ValueEdit::Variants(changed)))
}
