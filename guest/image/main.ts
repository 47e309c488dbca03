import { resolve } from 'node:path'
import { buildGuestImage } from '@/guest/image/build'

const [outDir] = process.argv.slice(2)
if (!outDir) {
  process.stderr.write('usage: guest/image/main.ts DIRECTORY\n')
  process.exit(2)
}
const image = await buildGuestImage({ outDir: resolve(outDir), onProgress: (step) => process.stderr.write(`${step}\n`) })
process.stdout.write(`${JSON.stringify(image)}\n`)
