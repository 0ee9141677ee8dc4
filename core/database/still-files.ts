/** Keeps everybody out while it works with what the tables hold, and with an archive (gzipped tar) of the files that hold them. */
export type StillFiles = <T>(
  work: (
    query: <Row>(sql: string, parameters?: readonly unknown[]) => Promise<Row[]>,
    archive: () => Promise<Blob>,
  ) => Promise<T>,
) => Promise<T>
