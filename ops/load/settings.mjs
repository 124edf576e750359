// What the scripts hand over by the environment. Every limit has the value of the target, unless a run says otherwise.

const read = (name, fallback) => (process.env[name] === undefined ? fallback : Number(process.env[name]));

export const settings = {
  address: process.env.LOAD_ADDRESS,
  access: process.env.LOAD_ACCESS,
  pid: read("LOAD_PID"),
  socketDir: process.env.LOAD_SOCKET_DIR,
  rate: read("LOAD_RATE", 100),
  seconds: read("LOAD_SECONDS", 300),
  ramp: (process.env.LOAD_RAMP ?? "200 400 700 1000").split(" ").filter(Boolean).map(Number),
  rampSeconds: read("LOAD_RAMP_SECONDS", 20),
  rampP95_ms: read("LOAD_RAMP_P95_MS", 2000),
  rampHealth_ms: read("LOAD_RAMP_HEALTH_MS", 1000),
  rampKept: read("LOAD_RAMP_KEPT", 0.75),
  p95_ms: read("LOAD_P95_MS", 200),
  p99_ms: read("LOAD_P99_MS", 500),
  errorsPercent: read("LOAD_ERRORS_PERCENT", 0.1),
  soakSeconds: read("SOAK_SECONDS", 1800),
  soakRate: read("SOAK_RATE", 30),
  soakMoreMb: read("SOAK_MORE_MB", 3),
};
