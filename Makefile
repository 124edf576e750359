.PHONY: up down test site

# Build, start and print the address. DEMO=0 leaves the sandbox out.
up:
	@ops/up.sh

# Stop what `make up` started.
down:
	@ops/down.sh

# Every check there is.
test:
	@ops/test.sh

# What the browser gets, into target/site.
site:
	@cargo xtask site
