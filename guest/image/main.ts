import { resolve } from 'node:path'
import { buildGuestImage } from '@/guest/image/build'
import { updateGuestImage } from '@/guest/image/update'

const [outDir, ...options] = process.argv.slice(2)
if (!outDir || options.some((option) => !['--update', '--force'].includes(option))) {
  process.stderr.write('usage: guest/image/main.ts DIRECTORY [--update [--force]]\n')
  process.exit(2)
}
const common = { outDir: resolve(outDir), onProgress: (step: string) => void process.stderr.write(`${step}\n`) }
const result = options.includes('--update') ? await updateGuestImage({ ...common, force: options.includes('--force') }) : { image: await buildGuestImage(common), changes: [] }
process.stdout.write(`${JSON.stringify(result)}\n`)
