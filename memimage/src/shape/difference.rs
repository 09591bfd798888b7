//! What sets a journal's shape apart from the program's, place by place.

use std::collections::HashMap;
use std::fmt::{self, Display, Write as _};

use super::ShapeTree;
use super::node::{Field, Fields, Node, Variant};

/// The longest shape that a message shows whole, in characters.
const MAX_TEXT: usize = 160;

/// One place where the shape in a journal and the program's part ways.
///
/// `Display` writes it as in `payload.account.0: u32 in the journal, u64 in this program`. In a path, `.name` and `.0` are
/// fields, `::Name` a variant, `?` the value of an option, `[]` the items of a list, set or array, `[key]` and `[value]`
/// those of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    path: String,
    change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Shape { journal: String, program: String },
    FieldAdded { shape: String },
    FieldRemoved { shape: String },
    Renamed { name: String },
    FieldsReordered { journal: String, program: String },
    VariantAdded { index: usize },
    VariantRemoved { index: usize },
    VariantMoved { journal: usize, program: usize },
    JournalIsNewer,
}

impl Difference {
    /// Where, beginning with the root that [`differences`] was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the journal has a variant at the end of an enum that this program does not know yet: a newer program wrote
    /// it, and this one is to be brought up to date rather than mended.
    pub fn is_newer_journal(&self) -> bool {
        self.change == Change::JournalIsNewer
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match &self.change {
            Change::Shape { journal, program } => write!(f, "{journal} in the journal, {program} in this program"),
            Change::FieldAdded { shape } => write!(f, "not in the journal, {shape} in this program"),
            Change::FieldRemoved { shape } => write!(f, "{shape} in the journal, not in this program"),
            Change::Renamed { name } => write!(f, "renamed to {name} in this program"),
            Change::FieldsReordered { journal, program } => {
                write!(f, "fields in the order ({journal}) in the journal, ({program}) in this program")
            }
            Change::VariantAdded { index } => {
                write!(f, "not in the journal, variant {index} in this program; a new variant goes last")
            }
            Change::VariantRemoved { index } => write!(f, "variant {index} in the journal, not in this program"),
            Change::VariantMoved { journal, program } => {
                write!(f, "variant {journal} in the journal, variant {program} in this program")
            }
            Change::JournalIsNewer => f.write_str("a variant in the journal that a newer program added"),
        }
    }
}

/// All places where the shape in a journal and the program's part ways; `root` begins their paths.
///
/// ```
/// use memimage::Shape;
/// use memimage::shape::{ShapeTree, differences};
///
/// let journal = ShapeTree::of(<(u32, Option<String>)>::SHAPE);
/// let program = ShapeTree::of(<(u64, Option<String>)>::SHAPE);
/// let found = differences("payload", &journal, &program);
/// assert_eq!(found[0].to_string(), "payload.0: u32 in the journal, u64 in this program");
/// ```
///
/// None if every value that the journal may hold means the same to this program: the shapes are equal, or the program has
/// more variants at the end of an enum.
pub fn differences(root: &str, journal: &ShapeTree, program: &ShapeTree) -> Vec<Difference> {
    let mut comparison = Comparison { path: root.to_owned(), found: Vec::new() };
    comparison.nodes(journal.root(), program.root());
    comparison.found
}

struct Comparison {
    path: String,
    found: Vec<Difference>,
}

impl Comparison {
    fn nodes(&mut self, journal: &Node, program: &Node) {
        match (journal, program) {
            (Node::Option(journal), Node::Option(program)) => self.inside("?", |at| at.nodes(journal, program)),
            (Node::List(journal), Node::List(program)) | (Node::Set(journal), Node::Set(program)) => {
                self.inside("[]", |at| at.nodes(journal, program));
            }
            (Node::Map(journal), Node::Map(program)) | (Node::OrderedMap(journal), Node::OrderedMap(program)) => {
                self.inside("[key]", |at| at.nodes(&journal.0, &program.0));
                self.inside("[value]", |at| at.nodes(&journal.1, &program.1));
            }
            (Node::Array(journal, n), Node::Array(program, m)) if n == m => {
                self.inside("[]", |at| at.nodes(journal, program));
            }
            (Node::Tuple(journal), Node::Tuple(program)) => self.numbered(journal, program),
            (Node::Struct(journal_fields), Node::Struct(program_fields)) => {
                if !self.fields(journal_fields, program_fields) {
                    self.differ(journal, program);
                }
            }
            (Node::Enum(journal), Node::Enum(program)) => self.variants(journal, program),
            _ if journal == program => {}
            _ => self.differ(journal, program),
        }
    }

    /// Compares fields that are written in the same way; false if they are not.
    fn fields(&mut self, journal: &Fields, program: &Fields) -> bool {
        match (journal, program) {
            (Fields::Unit, Fields::Unit) => {}
            (Fields::Newtype(journal), Fields::Newtype(program)) => {
                self.inside(".0", |at| at.nodes(journal, program));
            }
            (Fields::Tuple(journal), Fields::Tuple(program)) => self.numbered(journal, program),
            (Fields::Named(journal), Fields::Named(program)) => self.named(journal, program),
            _ => return false,
        }
        true
    }

    fn numbered(&mut self, journal: &[Node], program: &[Node]) {
        for (i, (journal, program)) in journal.iter().zip(program).enumerate() {
            self.inside(format_args!(".{i}"), |at| at.nodes(journal, program));
        }
        for (i, shape) in journal.iter().enumerate().skip(program.len()) {
            self.inside(format_args!(".{i}"), |at| at.push(Change::FieldRemoved { shape: text(shape) }));
        }
        for (i, shape) in program.iter().enumerate().skip(journal.len()) {
            self.inside(format_args!(".{i}"), |at| at.push(Change::FieldAdded { shape: text(shape) }));
        }
    }

    fn named(&mut self, journal: &[Field], program: &[Field]) {
        let pairs = Pairs::by_name(journal.iter().map(|f| &*f.name), program.iter().map(|f| &*f.name));
        if !pairs.keep_order() {
            let names = |fields: &[Field], is_paired: &dyn Fn(usize) -> bool| {
                let paired = fields.iter().enumerate().filter(|(i, _)| is_paired(*i));
                paired.map(|(_, field)| &*field.name).collect::<Vec<_>>().join(", ")
            };
            let change = Change::FieldsReordered {
                journal: shorten(names(journal, &|i| pairs.program_of[i].is_some())),
                program: shorten(names(program, &|i| pairs.journal_of[i].is_some())),
            };
            self.push(change);
        }
        let renames = renames(journal, program, &pairs);
        for (i, field) in journal.iter().enumerate() {
            self.inside(format_args!(".{}", field.name), |at| match (pairs.program_of[i], renames.program_of[i]) {
                (Some(same), _) => at.nodes(&field.shape, &program[same].shape),
                (None, Some(renamed)) => at.push(Change::Renamed { name: program[renamed].name.to_string() }),
                (None, None) => at.push(Change::FieldRemoved { shape: text(&field.shape) }),
            });
        }
        for (i, field) in program.iter().enumerate() {
            if pairs.journal_of[i].is_none() && renames.journal_of[i].is_none() {
                self.inside(format_args!(".{}", field.name), |at| {
                    at.push(Change::FieldAdded { shape: text(&field.shape) });
                });
            }
        }
    }

    fn variants(&mut self, journal: &[Variant], program: &[Variant]) {
        let pairs = Pairs::by_name(journal.iter().map(|v| &*v.name), program.iter().map(|v| &*v.name));
        let journal_is_wider = pairs.journal_of.iter().enumerate().all(|(i, journal)| *journal == Some(i));
        let renamed = |i: usize| {
            let both = (journal.get(i)?, program.get(i)?);
            let unpaired = pairs.program_of[i].is_none() && pairs.journal_of[i].is_none();
            (unpaired && both.0.fields == both.1.fields).then_some(both.1)
        };
        for (i, variant) in journal.iter().enumerate() {
            self.inside(format_args!("::{}", variant.name), |at| match pairs.program_of[i] {
                Some(same) => {
                    if same != i {
                        at.push(Change::VariantMoved { journal: i, program: same });
                    }
                    let (journal, program) = (&variant.fields, &program[same].fields);
                    if !at.fields(journal, program) {
                        at.push(Change::Shape { journal: variant_text(journal), program: variant_text(program) });
                    }
                }
                None => at.push(match renamed(i) {
                    Some(renamed) => Change::Renamed { name: renamed.name.to_string() },
                    None if journal_is_wider => Change::JournalIsNewer,
                    None => Change::VariantRemoved { index: i },
                }),
            });
        }
        // What the program has beyond the journal's end is compatible.
        for (i, variant) in program.iter().enumerate().take(journal.len()) {
            if pairs.journal_of[i].is_none() && renamed(i).is_none() {
                self.inside(format_args!("::{}", variant.name), |at| at.push(Change::VariantAdded { index: i }));
            }
        }
    }

    fn differ(&mut self, journal: &Node, program: &Node) {
        self.push(Change::Shape { journal: text(journal), program: text(program) });
    }

    fn push(&mut self, change: Change) {
        self.found.push(Difference { path: self.path.clone(), change });
    }

    fn inside(&mut self, segment: impl Display, compare: impl FnOnce(&mut Comparison)) {
        let length = self.path.len();
        write!(self.path, "{segment}").expect("writing to a string does not fail");
        compare(self);
        self.path.truncate(length);
    }
}

/// Which of the journal's fields or variants is which of the program's.
struct Pairs {
    /// For each of the journal's.
    program_of: Vec<Option<usize>>,
    /// For each of the program's.
    journal_of: Vec<Option<usize>>,
}

impl Pairs {
    /// A name that comes more than once, which only a journal can hold, is paired in its order.
    fn by_name<'a>(
        journal: impl Iterator<Item = &'a str>,
        program: impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator,
    ) -> Pairs {
        let mut journal_of = vec![None; program.len()];
        let mut unpaired: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, name) in program.enumerate().rev() {
            unpaired.entry(name).or_default().push(i);
        }
        let pair = |(i, name)| {
            let pair = unpaired.get_mut(name)?.pop()?;
            journal_of[pair] = Some(i);
            Some(pair)
        };
        Pairs { program_of: journal.enumerate().map(pair).collect(), journal_of }
    }

    fn keep_order(&self) -> bool {
        self.program_of.iter().flatten().is_sorted()
    }
}

/// Fields without a namesake that look renamed: after the same field on both sides, and of the same shape.
fn renames(journal: &[Field], program: &[Field], pairs: &Pairs) -> Pairs {
    let mut renames = Pairs { program_of: vec![None; journal.len()], journal_of: vec![None; program.len()] };
    let mut after = None;
    for (i, field) in journal.iter().enumerate() {
        if let Some(pair) = pairs.program_of[i] {
            after = Some(pair);
            continue;
        }
        let start = after.map_or(0, |pair| pair + 1);
        let gap = (start..program.len()).take_while(|&j| pairs.journal_of[j].is_none());
        let mut candidates = gap.filter(|&j| renames.journal_of[j].is_none());
        if let Some(j) = candidates.find(|&j| program[j].shape == field.shape) {
            renames.program_of[i] = Some(j);
            renames.journal_of[j] = Some(i);
        }
    }
    renames
}

fn text(shape: &Node) -> String {
    shorten(shape.to_string())
}

fn variant_text(fields: &Fields) -> String {
    match fields {
        Fields::Unit => "no fields".to_owned(),
        _ => shorten(fields.to_string()),
    }
}

fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
