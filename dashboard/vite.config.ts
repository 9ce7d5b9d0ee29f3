import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const backend = process.env.BACKEND_URL ?? 'http://127.0.0.1:8000';

/** Writes scripts and styles a second time, compressed, for the server to send as they are. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  async writeBundle({ dir = '' }, bundle) {
    const texts = Object.keys(bundle).filter((name) => /\.(js|css|svg)$/.test(name));
    for (const path of texts.map((name) => join(dir, name))) {
      await writeFile(`${path}.gz`, await promisify(gzip)(await readFile(path), { level: 9 }));
    }
  },
};

export default defineConfig({
  base: '/',
  plugins: [react(), tailwindcss(), compressed],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { proxy: { '/api': backend } },
  build: {
    target: 'es2022',
    // The page is served with `default-src 'self'`, which refuses data: URLs.
    assetsInlineLimit: 0,
    // What counts is the first load compressed, which a test holds below 250 KB.
    chunkSizeWarningLimit: 700,
  },
  test: {
    environment: 'jsdom',
    setupFiles: 'src/testing/setup.ts',
    testTimeout: 30_000,
    restoreMocks: true,
    unstubGlobals: true,
  },
});
