.PHONY: up down test site load soak

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

# 100 requests a second for five minutes, then a ramp, against a server of its own: cargo build --release -p server
load:
	@ops/load.sh

# Half an hour of coming and going: nothing may grow.
soak:
	@ops/load.sh soak
