mod fake;
mod real;
mod versions;
