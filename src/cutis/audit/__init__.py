"""The auditor's room: how a frozen model behaves where its data ends."""
