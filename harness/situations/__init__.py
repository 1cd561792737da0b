"""What the real clients are put through when they are recorded: what they are asked, and what their provider answers.

The clients are real, the provider is simulated. Answers are given in order; one with a `to` waits for a call whose body
has that text. No answer asks for a tool that could do harm: the clients run them.
"""

from harness.situations.anthropic_node import ANTHROPIC_NODE
from harness.situations.anthropic_python import ANTHROPIC_PYTHON
from harness.situations.claude_code import CLAUDE_CODE, CLAUDE_CODE_RECOVERS
from harness.situations.curl import CURL
from harness.situations.openai_python import OPENAI_PYTHON
from harness.situations.pycharm import PYCHARM
from harness.situations.vscode import VSCODE

ALL = (*CLAUDE_CODE, *PYCHARM, *VSCODE, *OPENAI_PYTHON, *ANTHROPIC_PYTHON)
# The gate drives them. On the wire they are what others are, or go on only where the candidate is better.
UNRECORDED = (*ANTHROPIC_NODE, *CURL, *CLAUDE_CODE_RECOVERS)
