"""One function's answer and what was shown of it; many of them; their report.

Imports everything else of the lifter. Nothing in it imports this room.
"""

from ozma.lift.answers.answer import Answer, Answerer, Verdict
from ozma.lift.answers.attempt import AnswerOptions, Proposer
from ozma.lift.answers.parallel import Job, answer_all

__all__ = ["Answer", "AnswerOptions", "Answerer", "Job", "Proposer", "Verdict", "answer_all"]
