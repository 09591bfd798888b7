//! Edits a value along the shape with which it was recorded.

use std::sync::Arc;

use crate::value::Value;

/// The changes in a value. The variants follow the shape of the value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ValueEdit {
    Keep,
    Replace(Value),
    /// In the value of an option, or in each item of a list or an array.
    Each(Box<ValueEdit>),
    /// In each value of a map.
    EachEntry(Box<ValueEdit>),
    /// In unnamed fields, by position.
    Positions(Vec<(usize, ValueEdit)>),
    Variants(Vec<(Arc<str>, ValueEdit)>),
    Fields {
        changed: Vec<(Arc<str>, FieldEdit)>,
        added: Vec<(Arc<str>, Value)>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum FieldEdit {
    Drop,
    Change { name: Option<Arc<str>>, value: ValueEdit },
}

impl ValueEdit {
    /// Changes a value that was decoded by the shape for which this edit was made.
    pub(super) fn apply(&self, value: &mut Value) {
        match (self, value) {
            (ValueEdit::Keep, _) => {}
            (ValueEdit::Replace(new), value) => *value = new.clone(),
            (ValueEdit::Each(edit), Value::Option(item)) => item.iter_mut().for_each(|item| edit.apply(item)),
            (ValueEdit::Each(edit), Value::List(items)) => items.iter_mut().for_each(|item| edit.apply(item)),
            (ValueEdit::EachEntry(edit), Value::Map(entries)) => {
                entries.iter_mut().for_each(|(_, value)| edit.apply(value));
            }
            (ValueEdit::Positions(edits), Value::List(items)) => {
                edits.iter().for_each(|(at, edit)| edit.apply(&mut items[*at]));
            }
            (ValueEdit::Variants(edits), Value::Variant(name, fields)) => {
                if let Some((_, edit)) = edits.iter().find(|(variant, _)| variant == name) {
                    edit.apply(fields);
                }
            }
            (ValueEdit::Fields { changed, added }, value) => {
                // a record without fields is a unit
                let mut fields = match std::mem::replace(value, Value::Unit) {
                    Value::Struct(fields) => fields,
                    _ => Vec::new(),
                };
                fields.retain_mut(|(name, value)| {
                    match changed.iter().find(|(changed, _)| changed == name).map(|(_, edit)| edit) {
                        None => true,
                        Some(FieldEdit::Drop) => false,
                        Some(FieldEdit::Change { name: new, value: edit }) => {
                            edit.apply(value);
                            *name = new.clone().unwrap_or_else(|| name.clone());
                            true
                        }
                    }
                });
                fields.extend(added.iter().cloned());
                *value = Value::Struct(fields);
            }
            _ => unreachable!("the value has the shape for which the edit was made"),
        }
    }
}
