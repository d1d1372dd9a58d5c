"""Commands that measure resorb: each prints one table, appends a row per case, and resumes."""
