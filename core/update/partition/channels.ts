/** Says that there are new rows in a partition; the payload is its number. */
export const strayChannel = 'opsgram_inbox'
/** Says that partitions are free. */
export const freeChannel = 'opsgram_partitions'
