import { service } from 'opsgram'

/** What other plugins may ask the inventory. */
export interface InventoryApi {
  /** The room of a host; undefined for one that isn't known. */
  roomOf(host: string): string | undefined
}

export const Inventory = service<InventoryApi>('inventory', 1)
