//! Applies the rules to the events that a journal declares.

use super::place::Place;
use super::rule::{Change, FieldChange, Rule};
use super::shape_edit::{PartEdits, edited};
use super::value_edit::ValueEdit;
use crate::journal::{ShapeRow, ShapeTable};
use crate::recovery::DROPPED;
use crate::shape::node::Node;
use crate::shape::{Primitive, ShapeTree};
use crate::value::{Value, ValueError};

/// The names of events that the library records itself begin so.
const OWN_EVENTS: &str = "memimage.";

/// What becomes of each event that a journal declares.
#[derive(Debug)]
pub(crate) struct RewritePlan {
    /// For each number of an event in the journal.
    pub(crate) rows: Vec<PlannedRow>,
    /// For each rule, the numbers of the events that it changes.
    pub(crate) matches: Vec<Vec<usize>>,
}

/// What becomes of the events with one number.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRow {
    /// The declaration in the new journal; `None` if the events are dropped.
    pub(crate) row: Option<ShapeRow>,
    payload: Option<PayloadEdit>,
}

#[derive(Clone, Debug)]
struct PayloadEdit {
    old: ShapeTree,
    edit: ValueEdit,
    new: ShapeTree,
}

impl PlannedRow {
    /// Events that do not change.
    pub(crate) fn unchanged(row: &ShapeRow) -> PlannedRow {
        PlannedRow { row: (row.name != DROPPED).then(|| row.clone()), payload: None }
    }

    /// The new payload; `None` if it is the old one.
    pub(crate) fn payload(&self, old: &[u8]) -> Result<Option<Vec<u8>>, ValueError> {
        let Some(PayloadEdit { old: shape, edit, new }) = &self.payload else { return Ok(None) };
        let mut value = Value::decode(shape, old)?;
        edit.apply(&mut value);
        value.encode(new).map(Some)
    }
}

impl RewritePlan {
    /// Applies the rules to the declarations in a journal.
    ///
    /// # Errors
    ///
    /// Returns the message for rules that cannot be followed: a rule that changes no event, rules that contradict one another, a value
    /// that is none of the field's type.
    pub(crate) fn new(rules: &[Rule], table: &ShapeTable) -> Result<RewritePlan, String> {
        let mut matches = vec![Vec::new(); rules.len()];
        let mut rows = Vec::new();
        for (number, row) in table.rows.iter().enumerate() {
            let own: Vec<(usize, &Rule)> =
                rules.iter().enumerate().filter(|(_, rule)| changes(rule, row, rules)).collect();
            own.iter().for_each(|(index, _)| matches[*index].push(number));
            let own: Vec<&Rule> = own.into_iter().map(|(_, rule)| rule).collect();
            refuse_contradictions(&own, row)?;
            rows.push(planned(&own, row, table)?);
        }
        if let Some(idle) = matches.iter().position(Vec::is_empty) {
            return Err(matches_nothing(&rules[idle], table));
        }
        refuse_different_shapes(&rows)?;
        Ok(RewritePlan { rows, matches })
    }
}

/// Whether a rule changes the events of a row.
fn changes(rule: &Rule, row: &ShapeRow, rules: &[Rule]) -> bool {
    if !rule.event.selects(&row.name, row.version) {
        return false;
    }
    let Change::Field { path, change } = &rule.change else { return true };
    match change {
        FieldChange::Default { .. } => {
            let Some((name, record)) = path.split_last() else { return false };
            let fields = Place::at(row.shape.root(), record).and_then(Place::record);
            // another field may get the name
            let is_renamed_to = |other: &Rule| match &other.change {
                Change::Field { path: other_path, change: FieldChange::Rename(new) } => {
                    new == name
                        && other_path.split_last().is_some_and(|(_, other_record)| other_record == record)
                        && changes(other, row, &[])
                }
                _ => false,
            };
            fields.is_some_and(|fields| fields.iter().all(|field| *field.name != **name))
                && !rules.iter().any(is_renamed_to)
        }
        _ => Place::at(row.shape.root(), path).is_some(),
    }
}

fn refuse_contradictions(rules: &[&Rule], row: &ShapeRow) -> Result<(), String> {
    for (at, rule) in rules.iter().enumerate() {
        if let Some(other) = rules[..at].iter().find(|other| other.contradicts(rule)) {
            let ShapeRow { name, version, .. } = row;
            return Err(format!("`{other}` and `{rule}` contradict each other for the event {name}@{version}"));
        }
    }
    Ok(())
}

/// What becomes of a row to which these rules apply.
fn planned(rules: &[&Rule], row: &ShapeRow, table: &ShapeTable) -> Result<PlannedRow, String> {
    let mut planned = PlannedRow::unchanged(row);
    let mut edits: Option<PartEdits<'_>> = None;
    for rule in rules {
        if row.name.starts_with(OWN_EVENTS) {
            return Err(format!("`{rule}`: `{}` is an event of the library", row.name));
        }
        match &rule.change {
            Change::DropEvent => return Ok(PlannedRow { row: None, payload: None }),
            Change::RenameEvent(new) if new.name.starts_with(OWN_EVENTS) => {
                return Err(format!("`{rule}`: names that begin with `{OWN_EVENTS}` belong to the library"));
            }
            Change::RenameEvent(new) => {
                let version = new.version.unwrap_or(row.version);
                planned.row = Some(ShapeRow { name: new.name.clone(), version, shape: row.shape.clone() });
            }
            Change::Field { path, change } => {
                let edits = edits.get_or_insert_with(|| PartEdits::new(rule));
                match change {
                    FieldChange::Rename(name) => edits.rename(path, rule, name),
                    FieldChange::Drop => edits.drop_field(path, rule),
                    FieldChange::Redact(json) => edits.redact(path, rule, json.as_deref()),
                    FieldChange::Default { shape, json } => {
                        let shape = match shape {
                            Some(shape) => shape.clone(),
                            None => implied_shape(rule, row, path, json, table)?,
                        };
                        edits.add(path, rule, shape, json)?;
                    }
                }
            }
        }
    }
    let Some(edits) = edits else { return Ok(planned) };
    let (root, edit) = edited(row.shape.root(), &edits)?;
    let new = ShapeTree::from_node(&root)
        .map_err(|error| format!("the new shape of {}@{} cannot be used: {error}", row.name, row.version))?;
    if let Some(row) = &mut planned.row {
        row.shape = new.clone();
    }
    planned.payload = Some(PayloadEdit { old: row.shape.clone(), edit, new });
    Ok(planned)
}

/// The type of a new field whose rule gives none: that of the same field in another version of the event, or that of a JSON value which
/// can have only one type.
fn implied_shape(rule: &Rule, row: &ShapeRow, path: &[String], json: &str, table: &ShapeTable) -> Result<Node, String> {
    let others = table.rows.iter().filter(|other| other.name == row.name && other.version != row.version);
    let known = others.filter_map(|other| Some((other.version, Place::at(other.shape.root(), path)?.node()?)));
    let usable = known.filter(|(_, shape)| ShapeTree::from_node(shape).is_ok());
    if let Some((_, shape)) = usable.max_by_key(|(version, _)| *version) {
        return Ok(shape.clone());
    }
    match serde_json::from_str(json) {
        Ok(serde_json::Value::Bool(_)) => Ok(Node::Primitive(Primitive::Bool)),
        Ok(serde_json::Value::String(_)) => Ok(Node::Primitive(Primitive::String)),
        Ok(_) => {
            let place = rule.text.strip_suffix(json).and_then(|text| text.strip_suffix('=')).unwrap_or_default();
            Err(format!(
                "`{rule}`: the type of the field is not known; help: give it, as in `--set-default {place}:u64={json}`"
            ))
        }
        Err(error) => Err(format!("`{rule}`: the value is no JSON: {error}")),
    }
}

/// Returns the message if two kinds of events would have one name and version, but different shapes.
fn refuse_different_shapes(rows: &[PlannedRow]) -> Result<(), String> {
    let rows: Vec<&ShapeRow> = rows.iter().filter_map(|planned| planned.row.as_ref()).collect();
    for (at, row) in rows.iter().enumerate() {
        let is_same = |other: &&&ShapeRow| other.name == row.name && other.version == row.version;
        if let Some(other) = rows[..at].iter().find(is_same).filter(|other| other.shape != row.shape) {
            let ShapeRow { name, version, shape } = row;
            return Err(format!(
                "two kinds of events would be {name}@{version}, with different shapes: {} and {shape}; help: change their fields so \
                 that they agree, in the same order, or rename one to another version, as in `--rename-event {name}@1={name}@2`",
                other.shape
            ));
        }
    }
    Ok(())
}

/// The message for a rule that changes no event.
fn matches_nothing(rule: &Rule, table: &ShapeTable) -> String {
    let declared = |row: &&ShapeRow| !row.name.starts_with(OWN_EVENTS);
    let named = |row: &ShapeRow| format!("{}@{}", row.name, row.version);
    let selected: Vec<&ShapeRow> = table.rows.iter().filter(|row| rule.event.selects(&row.name, row.version)).collect();
    if selected.is_empty() {
        let known: Vec<String> = table.rows.iter().filter(declared).map(named).collect();
        let known = if known.is_empty() { "no event".to_owned() } else { known.join(", ") };
        return format!("`{rule}`: the journal declares no event `{}`; it declares {known}", rule.event);
    }
    let shapes: Vec<String> = selected.iter().map(|row| format!("{} is {}", named(row), row.shape)).collect();
    let shapes = shapes.join(", ");
    match &rule.change {
        Change::Field { path, change: FieldChange::Default { .. } } => {
            let path = path.join(".");
            format!("`{rule}`: no event lacks the field `{path}`, or none has a record there: {shapes}")
        }
        Change::Field { path, .. } => format!("`{rule}`: no event has the field `{}`: {shapes}", path.join(".")),
        _ => format!("`{rule}`: it changes nothing: {shapes}"),
    }
}
