-- The version before reads an end like any other.
SELECT 1;
