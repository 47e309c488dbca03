/** @type {import('next').NextConfig} */
const config = {
  reactStrictMode: true,
  poweredByHeader: false,
  // `npm test` checks the types of everything; a start need not wait for it.
  typescript: { ignoreBuildErrors: true },
  // The web process answers compressed; it runs as a user that may not write into the checkout, so Next keeps no
  // rendered pages or resized pictures on disk.
  images: { unoptimized: true },
  experimental: { isrFlushToDisk: false },
  serverExternalPackages: ['@node-rs/argon2', 'pg', 'pino', '@prisma/client', '@prisma/adapter-pg'],
}

export default config
