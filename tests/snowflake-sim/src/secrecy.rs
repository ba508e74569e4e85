//! A result without its secret, for the switches that say a secret is shown only once.

use crate::engine::ResultTable;

/// Empties the `token_secret` column.
pub(crate) fn without_secret(table: &mut ResultTable) {
    let Some(at) = table.columns.iter().position(|column| column.name == "token_secret") else {
        return;
    };
    for cell in table.rows.iter_mut().filter_map(|row| row.get_mut(at)) {
        *cell = None;
    }
}
