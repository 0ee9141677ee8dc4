/** Says that there are new rows in a partition; the payload is its number. */
export const strayChannel = 'opsgram_inbox'
/** Says that partitions are free. */
export const freeChannel = 'opsgram_partitions'
/** Says that there is something to look at: see News. */
export const newsChannel = 'opsgram_news'
