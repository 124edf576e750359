DROP TABLE breaker_rests;
