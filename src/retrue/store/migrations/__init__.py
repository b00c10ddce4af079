"""The catalog's migrations, run by Alembic: when a store is made, and by `retrue migrate`."""
