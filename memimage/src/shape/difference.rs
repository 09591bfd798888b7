//! Compares a shape in a journal with the program's shape and lists all differences.

use std::collections::HashMap;
use std::fmt::{self, Display, Write as _};

use super::ShapeTree;
use super::node::{Node, NodeField, NodeFields, NodeVariant};

/// The longest shape that a message shows without truncation, in characters.
const MAX_TEXT: usize = 160;

/// A place where the shape in a journal and the program's shape differ.
///
/// `Display` shows a difference in the form `payload.account.0: u32 in the journal, u64 in this program`. In a path, `.name` or
/// `.0` stands for a field, `::Name` for a variant, `?` for the value of an option, `[]` for the items of a list, set or array,
/// and `[key]` or `[value]` for the keys or values of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    path: String,
    kind: DifferenceKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum DifferenceKind {
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
    /// The path to the place of the difference. The path starts with the root that was passed to [`differences`].
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether an enum in the journal ends with a variant that this program does not have. True means that a newer program
    /// wrote the journal: update this program instead of changing its types.
    pub fn is_newer_journal(&self) -> bool {
        self.kind == DifferenceKind::JournalIsNewer
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match &self.kind {
            DifferenceKind::Shape { journal, program } => {
                write!(f, "{journal} in the journal, {program} in this program")
            }
            DifferenceKind::FieldAdded { shape } => write!(f, "not in the journal, {shape} in this program"),
            DifferenceKind::FieldRemoved { shape } => write!(f, "{shape} in the journal, not in this program"),
            DifferenceKind::Renamed { name } => write!(f, "renamed to {name} in this program"),
            DifferenceKind::FieldsReordered { journal, program } => {
                write!(f, "fields in the order ({journal}) in the journal, ({program}) in this program")
            }
            DifferenceKind::VariantAdded { index } => {
                write!(f, "not in the journal, variant {index} in this program; a new variant must come last")
            }
            DifferenceKind::VariantRemoved { index } => {
                write!(f, "variant {index} in the journal, not in this program")
            }
            DifferenceKind::VariantMoved { journal, program } => {
                write!(f, "variant {journal} in the journal, variant {program} in this program")
            }
            DifferenceKind::JournalIsNewer => f.write_str("only in the journal: a newer program added this variant"),
        }
    }
}

/// Lists all places where the shape in a journal and the program's shape differ. Each path starts with `root`.
///
/// ```
/// use memimage::Shape;
/// use memimage::shape::{ShapeTree, differences};
///
/// let journal = ShapeTree::of(<(u32, Option<String>)>::SHAPE);
/// let program = ShapeTree::of(<(u64, Option<String>)>::SHAPE);
/// let differences = differences("payload", &journal, &program);
/// assert_eq!(differences[0].to_string(), "payload.0: u32 in the journal, u64 in this program");
/// ```
///
/// The list is empty if this program reads every value of the journal's shape correctly: the shapes are equal, or the program
/// has more variants at the end of an enum.
pub fn differences(root: &str, journal: &ShapeTree, program: &ShapeTree) -> Vec<Difference> {
    let mut comparison = Comparison { path: root.to_owned(), differences: Vec::new() };
    comparison.nodes(journal.root(), program.root());
    comparison.differences
}

struct Comparison {
    path: String,
    differences: Vec<Difference>,
}

impl Comparison {
    fn nodes(&mut self, journal: &Node, program: &Node) {
        match (journal, program) {
            (Node::Option(journal), Node::Option(program)) => self.inside("?", |at| at.nodes(journal, program)),
            (Node::List(journal), Node::List(program))
            | (Node::Set(journal), Node::Set(program))
            | (Node::OrderedSet(journal), Node::OrderedSet(program))
            | (Node::Multiset(journal), Node::Multiset(program)) => {
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

    /// Compares the fields if the journal's fields and the program's fields have the same style. Returns false if the styles
    /// differ.
    fn fields(&mut self, journal: &NodeFields, program: &NodeFields) -> bool {
        match (journal, program) {
            (NodeFields::Unit, NodeFields::Unit) => {}
            (NodeFields::Newtype(journal), NodeFields::Newtype(program)) => {
                self.inside(".0", |at| at.nodes(journal, program));
            }
            (NodeFields::Tuple(journal), NodeFields::Tuple(program)) => self.numbered(journal, program),
            (NodeFields::Named(journal), NodeFields::Named(program)) => self.named(journal, program),
            _ => return false,
        }
        true
    }

    fn numbered(&mut self, journal: &[Node], program: &[Node]) {
        for (i, (journal, program)) in journal.iter().zip(program).enumerate() {
            self.inside(format_args!(".{i}"), |at| at.nodes(journal, program));
        }
        for (i, shape) in journal.iter().enumerate().skip(program.len()) {
            self.inside(format_args!(".{i}"), |at| at.push(DifferenceKind::FieldRemoved { shape: text(shape) }));
        }
        for (i, shape) in program.iter().enumerate().skip(journal.len()) {
            self.inside(format_args!(".{i}"), |at| at.push(DifferenceKind::FieldAdded { shape: text(shape) }));
        }
    }

    fn named(&mut self, journal: &[NodeField], program: &[NodeField]) {
        let pairs = Pairs::by_name(journal.iter().map(|f| &*f.name), program.iter().map(|f| &*f.name));
        if !pairs.keep_order() {
            let names = |fields: &[NodeField], is_paired: &dyn Fn(usize) -> bool| {
                let paired = fields.iter().enumerate().filter(|(i, _)| is_paired(*i));
                paired.map(|(_, field)| &*field.name).collect::<Vec<_>>().join(", ")
            };
            let kind = DifferenceKind::FieldsReordered {
                journal: shorten(names(journal, &|i| pairs.program_of[i].is_some())),
                program: shorten(names(program, &|i| pairs.journal_of[i].is_some())),
            };
            self.push(kind);
        }
        let renames = find_renames(journal, program, &pairs);
        for (i, field) in journal.iter().enumerate() {
            self.inside(format_args!(".{}", field.name), |at| match (pairs.program_of[i], renames.program_of[i]) {
                (Some(same), _) => at.nodes(&field.shape, &program[same].shape),
                (None, Some(renamed)) => at.push(DifferenceKind::Renamed { name: program[renamed].name.to_string() }),
                (None, None) => at.push(DifferenceKind::FieldRemoved { shape: text(&field.shape) }),
            });
        }
        for (i, field) in program.iter().enumerate() {
            if pairs.journal_of[i].is_none() && renames.journal_of[i].is_none() {
                self.inside(format_args!(".{}", field.name), |at| {
                    at.push(DifferenceKind::FieldAdded { shape: text(&field.shape) });
                });
            }
        }
    }

    fn variants(&mut self, journal: &[NodeVariant], program: &[NodeVariant]) {
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
                        at.push(DifferenceKind::VariantMoved { journal: i, program: same });
                    }
                    let (journal, program) = (&variant.fields, &program[same].fields);
                    if !at.fields(journal, program) {
                        at.push(DifferenceKind::Shape {
                            journal: variant_text(journal),
                            program: variant_text(program),
                        });
                    }
                }
                None => at.push(match renamed(i) {
                    Some(renamed) => DifferenceKind::Renamed { name: renamed.name.to_string() },
                    None if journal_is_wider => DifferenceKind::JournalIsNewer,
                    None => DifferenceKind::VariantRemoved { index: i },
                }),
            });
        }
        // Variants that the program has after the journal's last variant are compatible.
        for (i, variant) in program.iter().enumerate().take(journal.len()) {
            if pairs.journal_of[i].is_none() && renamed(i).is_none() {
                self.inside(format_args!("::{}", variant.name), |at| {
                    at.push(DifferenceKind::VariantAdded { index: i });
                });
            }
        }
    }

    fn differ(&mut self, journal: &Node, program: &Node) {
        self.push(DifferenceKind::Shape { journal: text(journal), program: text(program) });
    }

    fn push(&mut self, kind: DifferenceKind) {
        self.differences.push(Difference { path: self.path.clone(), kind });
    }

    fn inside(&mut self, segment: impl Display, compare: impl FnOnce(&mut Comparison)) {
        let length = self.path.len();
        write!(self.path, "{segment}").expect("writing to a string does not fail");
        compare(self);
        self.path.truncate(length);
    }
}

/// Pairs the journal's fields or variants with the program's.
struct Pairs {
    /// For each field or variant of the journal, the index of its counterpart in the program.
    program_of: Vec<Option<usize>>,
    /// For each field or variant of the program, the index of its counterpart in the journal.
    journal_of: Vec<Option<usize>>,
}

impl Pairs {
    /// Pairs by name. If a name occurs more than once, which is possible only in a journal, the first occurrence is paired
    /// first.
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

/// Pairs fields that look renamed: both have the same shape, neither has a counterpart of its own name, and the nearest earlier
/// field that has a counterpart is the same for both.
fn find_renames(journal: &[NodeField], program: &[NodeField], pairs: &Pairs) -> Pairs {
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

fn variant_text(fields: &NodeFields) -> String {
    match fields {
        NodeFields::Unit => "no fields".to_owned(),
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
