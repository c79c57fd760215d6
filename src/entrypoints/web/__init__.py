"""What is answered over sockets: probes, metrics, and a worker's word about itself."""
