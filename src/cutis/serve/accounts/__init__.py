"""Who may work here: accounts, their passwords, their sessions, and the gate that every request passes."""
