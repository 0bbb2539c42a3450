"""What the workbench remembers: tables, their migrations, and the way in."""
