//! Compares the derived fields that the commands maintained with the derived fields that are rebuilt after a load.

use super::model_under_test::{differences, encoded, state_digest};
use super::value_difference;
use crate::event::{Derived, DerivedField, Model, decode, rebuild_derived};

/// The names of the two values in a message.
const NAMES: [&str; 2] = ["as maintained", "as rebuilt"];

/// Checks that a loaded and rebuilt copy of the model has the same derived fields as the model. The error contains one line for
/// each difference.
pub(super) fn check<M: Model>(model: &M) -> Result<(), String> {
    let Some(Derived { method, fields, .. }) = M::DERIVED else { return Ok(()) };
    let loaded = || decode::<M>(&encoded(model)?).map_err(|fault| format!("its state does not decode: {fault}"));
    let mut rebuilt = loaded()?;
    let stored = state_digest(&rebuilt)?;
    rebuild_derived(&mut rebuilt)?;
    if state_digest(&rebuilt)? != stored {
        let differences = differences(&loaded()?, &rebuilt, ["before", "after"]);
        return Err(format!(
            "`{method}` changes stored fields:{differences}\nhelp: let it fill only the fields with `#[model(derived)]`"
        ));
    }
    let mut lines = String::new();
    for field in fields {
        let same = field.is_same(model, &rebuilt).map_err(|error| {
            format!("the Serialize of the derived field `{}` and its Shape disagree: {error}", field.name)
        })?;
        if same == Some(false) {
            lines.push_str(&difference(field, model, &rebuilt));
        }
    }
    match lines.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "derived fields differ from what `{method}` gives:{lines}\nA start from a snapshot continues with the rebuilt \
             fields. help: let the commands maintain the field as `{method}` fills it, or correct `{method}`"
        )),
    }
}

/// The difference between the values of a field, as lines.
fn difference<M>(field: &DerivedField<M>, maintained: &M, rebuilt: &M) -> String {
    if let (Some((shape, a)), Some((_, b))) = (field.encoded(maintained), field.encoded(rebuilt)) {
        return value_difference::lines_at(field.name, &shape, &a, &b, NAMES);
    }
    match (field.text(maintained), field.text(rebuilt)) {
        (Some(a), Some(b)) if a != b => value_difference::line_of_texts(field.name, &a, &b, NAMES),
        _ => format!("\n  {}: the two values differ", field.name),
    }
}
