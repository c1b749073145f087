"""What runs where: plan, engines, readers, recipes, report and command line."""
