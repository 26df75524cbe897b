.PHONY: help demo test

help:
	@echo 'make demo   install what is missing, optimize real C code, write demo-report.html'
	@echo 'make test   install what is missing, run all tests'

demo:
	@scripts/setup.sh demo
	@scripts/demo.sh

test:
	@scripts/setup.sh test
	@.venv/bin/python -m pytest
