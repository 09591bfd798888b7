//! The dispatch of a reader that follows a journal, in which later frames may declare more events.

use std::sync::Arc;

use super::{Dispatch, dispatch_from};
use crate::error::Error;
use crate::event::Model;
use crate::journal::{EncodedRows, Frame, Scan, ShapeRows, ShapeTable};
use crate::seq::SegmentId;

/// The dispatch of the events up to the reader's position.
#[derive(Debug)]
pub(crate) struct FollowedDispatch {
    dispatch: Dispatch,
    /// The shape table in `dispatch`, for results that outlive the reader.
    table: Arc<ShapeTable>,
    /// The encoded rows of this table.
    encoded_rows: EncodedRows,
}

impl FollowedDispatch {
    pub(crate) fn new(dispatch: Dispatch) -> FollowedDispatch {
        let (table, encoded_rows) = (Arc::new(dispatch.table().clone()), dispatch.table().encoded_rows());
        FollowedDispatch { dispatch, table, encoded_rows }
    }

    pub(crate) fn get(&self) -> &Dispatch {
        &self.dispatch
    }

    pub(crate) fn table(&self) -> &Arc<ShapeTable> {
        &self.table
    }

    /// Adds the rows of a shapes frame, unless they are known.
    pub(super) fn add_frame<M: Model>(
        &mut self,
        scan: &Scan,
        segment: SegmentId,
        frame: &Frame<'_>,
    ) -> Result<(), Error> {
        match self.encoded_rows.contain(&scan.body(segment, frame)?) {
            true => Ok(()),
            false => self.add::<M>(scan, segment, scan.rows(segment, frame)?),
        }
    }

    /// Adds rows that a frame in `segment` declares, unless they are known.
    pub(crate) fn add<M: Model>(&mut self, scan: &Scan, segment: SegmentId, rows: ShapeRows) -> Result<(), Error> {
        let mut table = (*self.table).clone();
        let added = table.add(rows);
        added.map_err(|fault| scan.segments().corrupt(segment, None, fault.to_string()))?;
        if table != *self.table {
            *self = FollowedDispatch::new(dispatch_from::<M>(table, scan.segments().root())?);
        }
        Ok(())
    }
}
