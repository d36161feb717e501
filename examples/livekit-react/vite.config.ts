import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // Frameseal finds its worker beside its module: leave the module where it is.
  optimizeDeps: { exclude: ["frameseal"] },
  // The worker is a module that loads what few pages need only then.
  worker: { format: "es" },
  // In this repository the package is a link to its folder; installed from a registry it needs no such line.
  server: { fs: { allow: ["../.."] } },
});
