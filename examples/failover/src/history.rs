//! Compares what clients were told with the final state.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::Operation;
use crate::tickets::Ticket;

/// What clients were told, and what became of it.
#[derive(Clone, Debug)]
pub struct History {
    /// The acknowledged operations of all clients.
    pub acknowledged: Vec<Operation>,
    /// All tickets in the final state, in order.
    pub filed: Vec<Ticket>,
    /// The tickets of the events that were set aside.
    pub set_aside: Vec<Ticket>,
}

/// What is wrong in a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The number of acknowledged operations.
    pub acknowledged: u64,
    /// Acknowledged operations whose ticket is not in the final state.
    pub lost: u64,
    /// Acknowledged operations whose ticket is in an event that was set aside.
    pub set_aside: u64,
    /// Tickets that are in the final state more than once.
    pub doubled: u64,
    /// Acknowledged operations whose ticket is in the final state at another place than the owner said.
    pub moved: u64,
    /// Acknowledged operations with the place of another one: two owners have both acknowledged an event with one sequence number.
    pub same_place: u64,
    /// Acknowledged operations with a lower place than one that was acknowledged before they began.
    pub out_of_order: u64,
}

impl History {
    /// Compares all operations with the final state.
    pub fn judge(&self) -> Verdict {
        let places: BTreeMap<Ticket, u64> = self.filed.iter().copied().zip(1..).collect();
        let set_aside: BTreeSet<Ticket> = self.set_aside.iter().copied().collect();
        let count = |is_counted: &dyn Fn(&Operation) -> bool| {
            self.acknowledged.iter().filter(|operation| is_counted(operation)).count() as u64
        };
        let distinct: BTreeSet<u64> = self.acknowledged.iter().map(|operation| operation.place).collect();
        Verdict {
            acknowledged: self.acknowledged.len() as u64,
            lost: count(&|operation| !places.contains_key(&operation.ticket)),
            set_aside: count(&|operation| set_aside.contains(&operation.ticket)),
            doubled: (self.filed.len() - places.len()) as u64,
            moved: count(&|operation| places.get(&operation.ticket).is_some_and(|place| *place != operation.place)),
            same_place: (self.acknowledged.len() - distinct.len()) as u64,
            out_of_order: self.out_of_order(),
        }
    }

    /// An order of all operations exists, because each has a place. It is that of a register that all share if no operation has a lower
    /// place than one that ended before it began.
    fn out_of_order(&self) -> u64 {
        let (mut by_begin, mut by_end) = (self.acknowledged.clone(), self.acknowledged.clone());
        by_begin.sort_by_key(|operation| operation.begin);
        by_end.sort_by_key(|operation| operation.end);
        let mut ended = by_end.iter().peekable();
        let (mut highest, mut wrong) = (0, 0);
        for operation in &by_begin {
            while let Some(earlier) = ended.next_if(|earlier| earlier.end < operation.begin) {
                highest = highest.max(earlier.place);
            }
            wrong += u64::from(operation.place < highest);
        }
        wrong
    }
}

impl Verdict {
    /// The verdict without a fault, of this many operations.
    pub fn faultless(acknowledged: u64) -> Verdict {
        Verdict { acknowledged, ..Verdict::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::now;

    fn ticket(number: u64) -> Ticket {
        Ticket { client: 0, number }
    }

    #[test]
    fn each_fault_is_counted() {
        let start = now();
        let operation = |number, place, from, to| {
            let at = |ms| start + Duration::from_millis(ms);
            Operation { ticket: ticket(number), place, begin: at(from), end: at(to) }
        };
        let history = |acknowledged: &[Operation], filed: &[u64], set_aside: &[u64]| History {
            acknowledged: acknowledged.to_vec(),
            filed: filed.iter().copied().map(ticket).collect(),
            set_aside: set_aside.iter().copied().map(ticket).collect(),
        };
        let good = [operation(1, 1, 0, 2), operation(2, 3, 1, 4), operation(3, 2, 3, 5)];
        assert_eq!(history(&good, &[1, 3, 2], &[]).judge(), Verdict::faultless(3));
        let expected = Verdict { lost: 1, set_aside: 1, ..Verdict::faultless(3) };
        assert_eq!(history(&good, &[1, 3], &[2, 9]).judge(), expected);
        let doubled = history(&good, &[1, 3, 2, 2], &[]).judge();
        assert_eq!(doubled.doubled, 1);
        assert_eq!(history(&good, &[1, 2, 3], &[]).judge().moved, 2);
        let same = [operation(1, 1, 0, 1), operation(2, 1, 0, 1)];
        assert_eq!(history(&same, &[1, 2], &[]).judge().same_place, 1);
        let late = [operation(1, 2, 0, 1), operation(2, 1, 2, 3)];
        assert_eq!(history(&late, &[2, 1], &[]).judge().out_of_order, 1);
    }
}
