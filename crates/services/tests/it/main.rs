//! The use cases on a real PostgreSQL.

mod acquisition;
mod covers;
mod dashboard;
mod due_jobs;
mod faults_of_clients;
mod faults_of_indexers;
mod faults_of_libraries;
mod faults_of_releases;
mod integrations;
mod library;
mod limits;
mod packs;
mod people;
mod queue;
mod settings;
mod shelf;
mod support;
mod yard;
