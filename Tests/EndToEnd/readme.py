# The commands of the README, for tests that type what it says.
from agents import ROOT


def commands_with(text):
    """The one block of commands that contains a text, as it is typed."""
    paragraphs = (ROOT / "README.md").read_text().split("\n\n")
    blocks = [block for block in paragraphs if all(line.startswith("    ") for line in block.splitlines())]
    [found] = [block for block in blocks if text in block]
    return found
