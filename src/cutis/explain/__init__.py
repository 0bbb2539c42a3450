"""Why a bundle said what it said, as far as that can be told from outside."""
