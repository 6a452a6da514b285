//! Reading beside the writer: a few read-only connections, opened when first needed, used on
//! blocking threads. Each read sees one consistent snapshot.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::error::StoreError;
use crate::files::Files;
use crate::schema;

/// Reads that run at once; more wait their turn.
const CONNECTIONS: u32 = 2;

#[derive(Clone)]
pub(crate) struct Readers {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    files: Files,
}

impl Readers {
    pub(crate) fn new(files: Files) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(CONNECTIONS as usize)),
            idle: Arc::default(),
            files,
        }
    }

    /// Runs `work` on a read-only connection.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let result = readers.read(work);
            drop(permit);
            result
        });
        // A join error means the runtime is shutting down or the work panicked.
        read.await.map_err(|_| StoreError::Closed)?
    }

    /// Waits for running reads and closes the connections.
    pub(crate) async fn close(&self) {
        if let Ok(_all) = self.permits.acquire_many(CONNECTIONS).await {
            self.permits.close();
            self.idle().clear();
        }
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let mut conn = match idle {
            Some(conn) => conn,
            None => schema::open_reader(self.files.database())?,
        };
        let result = snapshot(&mut conn, work);
        match &result {
            Err(error) => self.files.note_damage(error),
            Ok(_) => self.idle().push(conn),
        }
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn snapshot<T>(
    conn: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = conn.transaction()?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}
