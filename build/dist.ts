// npm run prepack, which `npm pack` runs by itself: writes dist/, what the package is made of.
import { resolve } from 'node:path'
import { writeDist } from './package.ts'

await writeDist(resolve(import.meta.dirname, '../dist'))
