"""Run the revisions on the connection that `registry.metadata.migrate` hands over, in its transaction."""

from alembic import context

from registry.metadata.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite cannot change a column in place: the table is copied, inside the same transaction.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
