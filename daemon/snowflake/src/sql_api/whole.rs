//! A result that comes in several partitions, put together: every row that was announced, or none. Only for results
//! without secrets: what holds one is read where it lies, from the one body it comes in.

use std::io::Read as _;

use flate2::read::GzDecoder;
use patd_core::lifecycle::Failure;
use patd_core::sql::Statement;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::answer::{MISCOUNTED, ResultSet, check_width, unreadable};
use super::{SqlApi, Table};
use crate::http::{Answer, Coding};

type RowsOf = Vec<Vec<Option<String>>>;

/// The body of a partition after the first.
#[derive(Deserialize)]
struct Partition {
    data: RowsOf,
}

impl SqlApi {
    /// Runs one statement and returns its result in all its partitions; none where Snowflake keeps part of it back.
    /// All of them together may be as large as one answer.
    pub(crate) async fn whole(&self, statement: &Statement) -> Result<Option<Table>, Failure> {
        let body = self.run(statement).await?;
        let mut room = self.client().limits().body.saturating_sub(body.len());
        let first = ResultSet::<String>::parse_first(&body).map_err(Failure::Unclear)?;
        drop(body);
        if first.is_cut() {
            return Ok(None);
        }
        let mut more = RowsOf::new();
        for (place, announced) in first.further().into_iter().enumerate() {
            let rows = self.further_rows(&first, place + 1, &mut room).await?;
            if announced.is_some_and(|announced| u64::try_from(rows.len()) != Ok(announced)) {
                return Err(miscounted());
            }
            more.extend(rows);
        }
        put_together(first, more).map(Some)
    }

    async fn further_rows(
        &self,
        first: &ResultSet<String>,
        number: usize,
        room: &mut usize,
    ) -> Result<RowsOf, Failure> {
        let handle = first.path_handle();
        let handle = handle.ok_or_else(|| unclear("a partition's handle is unusable"))?;
        let answer = self.partition(handle, number).await?;
        let told = |why: String| unclear(&format!("partition {number} of the result: {why}"));
        let body = plain(answer, *room).map_err(told)?;
        *room = room.saturating_sub(body.len());
        let partition: Partition =
            serde_json::from_slice(&body).map_err(|error| told(unreadable(&error)))?;
        check_width(&partition.data, first.width()).map_err(told)?;
        Ok(partition.data)
    }
}

fn put_together(first: ResultSet<String>, more: RowsOf) -> Result<Table, Failure> {
    if !first.announces(first.rows().len().saturating_add(more.len())) {
        return Err(miscounted());
    }
    let (columns, mut rows) = first.into_parts();
    rows.extend(more);
    Ok(Table { columns, rows })
}

/// Returns the body as it was before it was packed, if there is room for it. The docs do not say so, but other clients
/// find partitions after the first packed without having asked for it.
fn plain(answer: Answer, room: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let body = match answer.coding {
        Coding::Plain => answer.body,
        Coding::Gzip => unpacked(&answer.body, room)?,
        Coding::Unknown => return Err("its coding is not known".into()),
    };
    match body.len() <= room {
        true => Ok(body),
        false => Err("there is no room left for it".into()),
    }
}

/// Stops one byte after there is no room.
pub(super) fn unpacked(body: &[u8], room: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut plain = Zeroizing::new(Vec::new());
    let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    let unpacking = GzDecoder::new(body).take(most).read_to_end(&mut plain);
    unpacking.map(|_| plain).map_err(|_| "it is not packed as it says".into())
}

fn miscounted() -> Failure {
    unclear(MISCOUNTED)
}

fn unclear(why: &str) -> Failure {
    Failure::Unclear(why.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::unpacked;

    fn packed(body: &[u8]) -> Vec<u8> {
        let mut packing = GzEncoder::new(Vec::new(), Compression::best());
        packing.write_all(body).unwrap();
        packing.finish().unwrap()
    }

    #[test]
    fn a_packed_body_is_unpacked_whole_or_not_at_all() {
        let body = packed(b"a partition");

        assert_eq!(unpacked(&body, 100).unwrap().as_slice(), b"a partition");
        assert!(unpacked(&body[..body.len() - 9], 100).is_err());
        assert!(unpacked(b"a partition", 100).is_err());
    }

    #[test]
    fn a_body_that_would_fill_the_memory_is_unpacked_no_further_than_there_is_room() {
        let body = packed(&vec![0; 100 << 20]);
        assert!(body.len() < 1 << 20);

        assert_eq!(unpacked(&body, 4096).unwrap().len(), 4097);
    }
}
