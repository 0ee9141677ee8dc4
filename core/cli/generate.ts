// npm run generate: writes .env.example and the generated pages of docs/ again.
import { configCommand } from './config.ts'

process.exitCode = configCommand(['--write'])
