import { definePlugin } from 'opsgram'
import { Inventory, type InventoryApi } from './api.ts'

const rooms = new Map([
  ['sw-12', 'A1'],
  ['db-1', 'B2'],
])

export default definePlugin({
  name: 'inventory',
  version: '1.0.0',
  description: 'Knows where things stand',
  setup() {
    const inventory: InventoryApi = { roomOf: (host) => rooms.get(host) }
    return { inventory }
  },
  provides: { inventory: Inventory },
})
