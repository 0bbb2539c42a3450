"""What the workbench knows of medicine: history, red flags, triage and checklists. Rules are data; they only raise."""
