/** What one run is told about the registry. Travels to the test worker, so plain data only. */
export type Settings = Readonly<{
  url: string;
  /** Every repository the run makes is below this name. */
  namespace: string;
  credentials: Readonly<{ username: string; password: string }> | undefined;
  /** PEM certificates to trust besides the system's. */
  ca: string | undefined;
  /** Takes any TLS certificate. */
  insecure: boolean;
}>;
